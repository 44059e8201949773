"""What people look at: services, logs, causes."""
