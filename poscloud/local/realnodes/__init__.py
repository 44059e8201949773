"""Nodes that run real containers, in sandboxes of private namespaces on this machine.

- ``kind.RealNodes``: the kind of nodes that ``--nodes real[=N][,kwok=M]`` asks for.
- ``config``: what the program ``sandbox`` (toolchain/sandbox) is given to run; ``programs``: each supervised program;
  ``files``: the configuration files of these.
- ``requirements``: what a machine has to have; ``images``: where pods' images come from.
- ``control``: what runs, asked of the sandbox; ``dns``, ``labels``: objects and labels in the cluster.
"""
