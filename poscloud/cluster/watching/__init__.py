"""What people look at every day: services, logs, errors and why something is not ready; nothing is ever written."""
