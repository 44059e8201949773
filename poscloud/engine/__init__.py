"""The Pulumi engine: the program it runs, and running it."""
