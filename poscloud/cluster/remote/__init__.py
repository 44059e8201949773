"""Commands in containers, over the API server."""
