"""Container registries, asked by the OCI distribution API whether an image is there and for which processors."""
