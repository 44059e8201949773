"""Why a service is not ready: what can be seen of it, and the likely cause."""
