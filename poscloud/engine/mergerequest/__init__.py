"""Preview in a merge request: what a branch changes of a running environment, and what that would cost.

It needs what Kubernetes replaces instead of changing (``provider.kinds``) as well as manifests, and so is above both;
it needs neither the engine, nor a cluster, nor a secret.

::

    preview ─► baseline ─► sanitize ─► plain         (what may be known)
       │          │
       │       places                                (where it is kept: the only I/O)
       ├─────► compare ─► grade, totals ─► aligned   (what changes, and how bad that is)
       └─────► comment ─► markdown; acknowledge      (what people read and answer)
"""
