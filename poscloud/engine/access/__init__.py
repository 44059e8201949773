"""Teams and their kubeconfigs in an environment: given, listed, taken away."""
