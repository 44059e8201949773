"""The built-in Kubernetes resource provider: a small stand-in for the official plugin.

It stays small by asking the API server instead of imitating it: the server normalises, defaults and
validates in a dry run; discovery knows plurals and scope; a watch on one object tells when it is ready.

::

    start ─► server ─► servicer ─► checks, crud, preview ─► awaiter ─► rest ─► credentials ─► config
                                       │         │             │
                                     kinds     diff          waits        (pure: neither grpc nor pulumi)
"""
