"""poscloud beside the tools people use today: the same objects, on the same control plane, in turn."""
