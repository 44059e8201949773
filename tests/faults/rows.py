"""The 25 faults, in words: the rows of the table in docs/faults.md."""

from __future__ import annotations

ROWS = {
    1: "kill -9 of the engine in the middle of an up",
    2: "kill -9 of the provider",
    3: "Ctrl-C, once and twice",
    4: "API server restarted in the middle of an up",
    5: "API server gone before the start, wrong address",
    6: "connection cut after a write was stored",
    7: "expired token or client certificate",
    8: "RBAC forbids one kind",
    9: "quota exceeded, on create and by the controller",
    10: "image that cannot be pulled",
    11: "crash loop, failing probe",
    12: "pod that no node takes",
    13: "another field manager owns a field",
    14: "object of that name that is not ours",
    15: "immutable field changed",
    16: "delete that hangs on a finalizer",
    17: "CRD missing, CRD and its object together",
    18: "admission webhook rejects, is silent, cannot dry-run",
    19: "API server busy: 429 and 503",
    20: "two runs at once, stale lock",
    21: "state file damaged",
    22: "disk full or read-only at a state write",
    23: "wrong description",
    24: "secrets in what is printed or kept, wrong passphrase",
    25: "sealed machine",
}
