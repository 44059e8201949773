"""Errors in logs: each with its stack trace, and all that are alike as one."""
