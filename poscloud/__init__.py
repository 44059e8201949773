"""poscloud: describe a whole Kubernetes environment in one short file, and run it."""

__version__ = "0.1.0"
