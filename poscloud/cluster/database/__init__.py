"""The databases of a MySQL that poscloud runs: what is in them, and having them made anew."""
