"""The logs of all pods of some services, as one."""
