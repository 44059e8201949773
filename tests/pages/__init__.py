"""The blocks of the documentation, and how each is proven."""
