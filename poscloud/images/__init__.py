"""Images: from a description to a Dockerfile, a tag, a build in the right order and a push.

Stands below the command line and beside the engine: it knows specs, and nothing of clusters.
"""
