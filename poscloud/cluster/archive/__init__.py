"""What an environment leaves behind when it goes: logs, events, objects, image digests, its description.

``take`` (collect) reads them from the cluster and puts them into a store; ``verify`` reads every byte back. Only when
both have ended well may anything be deleted.
"""
