"""The embedded toolchain and the local control plane.

Two promises, each with one entry point:

- ``toolchain.ensure_toolchain(paths, reporter)``: a Pulumi engine and a Kubernetes control plane are on this
  machine, whichever way they could be had;
- ``controlplane.ControlPlane(paths).up(reporter)``: a real API server answers on 127.0.0.1.

Importing this package costs nothing; each module imports what is heavy only when it is used.
"""
