"""The watch over nodes: what is used, what to restart, how often, and whom to tell."""
