"""What differs between a stack and the cluster, and who did it."""
