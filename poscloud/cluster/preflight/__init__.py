"""What an environment meets in the cluster that it goes to: room, ports, hosts, classes and kinds. Reads only."""
