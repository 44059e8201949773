"""What people do with the databases of an environment."""
