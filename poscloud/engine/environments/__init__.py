"""Environments that come and go: copies with a lifetime, all day long."""
