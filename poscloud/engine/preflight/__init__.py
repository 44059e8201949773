"""``poscloud check``: everything that can be known to go wrong, before anything is touched."""
