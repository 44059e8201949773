"""Real containers on nodes of this machine: ``make test-real``."""
