"""One page about an environment, to be looked at without any network: ``poscloud report``."""
