"""Where the engine keeps the state: what poscloud itself reads of it, and the only thing it removes, a lock."""
