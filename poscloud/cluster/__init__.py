"""A live cluster: which one a stack belongs to."""
