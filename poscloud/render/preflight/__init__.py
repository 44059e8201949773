"""What is looked at before anything is deployed, beyond whether the description can be rendered.

Pure like the rest of ``render``: what an environment claims outside of itself, whether its processes have the memory
and the time they need, secrets in clear text, and what a version of Kubernetes no longer takes.
"""
