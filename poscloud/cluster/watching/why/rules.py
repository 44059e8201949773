"""What is seen, and what it usually means: a table, the most telling rows first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    Attributes:
        where: Which part of the evidence it looks at: ``state``, ``ended``, ``events`` or ``log``.
        pattern: A regular expression; its named groups are put into the sentence.
        sentence: The cause.
        remedy: What to do.
    """

    where: str
    pattern: str
    sentence: str
    remedy: str = ""


_STATE_OR_EVENTS = "state events"
_LOG_OR_STATE = "log state"

RULES = (
    # Its pods are not even made.
    Rule(_STATE_OR_EVENTS, r"exceeded quota: (?P<name>[\w.-]+), requested: (?P<asked>.+?), used: (?P<used>.+?), "
         r"limited: (?P<limit>[\w.=,-]*\w)",
         "the quota is used up: it asks for {asked}, {used} of {limit} is taken",
         "lower `resources` of it or of others, or raise `quota` in the environment's file"),
    Rule(_STATE_OR_EVENTS, r"maximum (?P<what>\w+) usage per (?P<whose>\w+) is (?P<most>[\w.]+)",
         "it asks for more {what} than the LimitRange allows a {whose}: {most}",
         "lower `resources`, or raise `limits`"),
    Rule(_STATE_OR_EVENTS, r"violates PodSecurity \"(?P<level>[^\"]+)\"",
         "the namespace's pod security ({level}) refuses its pods", "see docs/access.md"),
    Rule(_STATE_OR_EVENTS, r"serviceaccount \"?(?P<name>[\w.-]+)\"? not found",
         "its service account {name} is missing"),
    # No node takes them.
    Rule("state", r"unbound immediate PersistentVolumeClaims|persistentvolumeclaim \"(?P<name>[^\"]+)\" not found",
         "its volume claim has no volume", "does the StorageClass exist, and has its provisioner room?"),
    Rule("state", r"cannot be scheduled: .*Insufficient (?P<what>[\w./-]+)(?P<rest>.*)",
         "no node has enough {what} left for what it requests", "lower `resources.requests`, or add a node"),
    Rule("state", r"cannot be scheduled: .*anti-affinity", "its pods may not share a node, and no other node is free",
         "fewer `replicas`, or one more node in its pool"),
    Rule("state", r"cannot be scheduled: .*volume node affinity", "its volume is on a node that cannot take it",
         "free that node, or move the data"),
    Rule("state", r"cannot be scheduled: .*node affinity/selector.*?(nodeSelector: (?P<wanted>.*))?$",
         "no node has the labels that it asks for{wanted: ({})}", "label a node, or change `pool` or `node_selector`"),
    Rule("state", r"cannot be scheduled: .*untolerated taint", "every node that fits has a taint",
         "kubectl describe node"),
    Rule("state", r"cannot be scheduled: .*Too many pods", "every node has as many pods as it takes", "raise maxPods "
         "(docs/operations.md), or add a node"),
    # Its image.
    Rule("state", r"(ErrImagePull|ImagePullBackOff|InvalidImageName).*\(image (?P<image>[^)]+)\).*"
         r"(not found|manifest unknown|NotFound|does not exist)",
         "there is no image {image} in the registry", "was that version pushed? poscloud image push"),
    Rule("state", r"(ErrImagePull|ImagePullBackOff).*\(image (?P<image>[^)]+)\).*"
         r"(nauthorized|authentication required|denied|orbidden)",
         "the registry refuses image {image}: the pull secret is missing or wrong", "`pull_secret` of the environment"),
    Rule("state", r"(ErrImagePull|ImagePullBackOff).*\(image (?P<image>[^)]+)\).*"
         r"(no such host|i/o timeout|connection refused|x509|timeout)",
         "the node cannot reach the registry of image {image}", "is its address right, and its certificate trusted?"),
    Rule("state", r"InvalidImageName.*\(image (?P<image>[^)]+)\)", "{image} is no name of an image", "`version` of it"),
    Rule("events", r"(Failed|BackOff): .*image \"?(?P<image>[\w./:@-]+)\"?.*(not found|manifest unknown)",
         "there is no image {image} in the registry", "was that version pushed? poscloud image push"),
    Rule("state", r"(ErrImagePull|ImagePullBackOff|ErrImageNeverPull).*\(image (?P<image>[^)]+)\)",
         "image {image} cannot be pulled", "is that version in the registry?"),
    # What it needs to start.
    Rule(_STATE_OR_EVENTS, r"(?P<kind>[Ss]ecret|[Cc]onfig[Mm]ap)s? \"(?P<name>[^\"]+)\" not found",
         "{kind} {name} is missing", "poscloud up makes what the environment describes; others somebody has to make"),
    Rule(_STATE_OR_EVENTS, r"couldn't find key (?P<key>\S+) in (?P<kind>Secret|ConfigMap) (?P<name>\S+)",
         "{kind} {name} has no key {key}", "poscloud secret set"),
    Rule("state", r"runAsNonRoot", "its image wants to be root, which is not allowed", "`user` of the service"),
    Rule("events", r"FailedMount: .*mount\.nfs.*(?P<why>No such file|access denied|timed out|Connection refused)",
         "its NFS volume cannot be mounted: {why}", "is the folder exported to the nodes?"),
    Rule("events", r"FailedAttachVolume: .*Multi-Attach", "its volume is still attached to the node of its old pod",
         "it is freed within some minutes, if that node is up"),
    Rule("events", r"FailedMount: (?P<why>.{1,160})", "a volume of it cannot be mounted: {why}"),
    # It ran, and ended.
    Rule("ended", r"OOMKilled", "it needed more memory than its limit and was killed (OOMKilled)",
         "raise `resources.limits.memory`, or lower the heap (`java_opts`)"),
    Rule("log", r"java\.lang\.OutOfMemoryError: (?P<what>.*)", "Java ran out of memory: {what}",
         "raise the heap (`java_opts`) and `resources.limits.memory`"),
    Rule("log", r"fetch-jar: (?P<what>.*)", "its jar was not fetched: {what}", "`version` of the service"),
    Rule("log", r"Unable to access jarfile (?P<file>\S+)", "its image has no {file}", "was the jar built into it?"),
    Rule("log", r"Could not find or load main class (?P<name>\S+)", "Java does not find class {name}"),
    Rule("log", r"UnsupportedClassVersionError", "its jar was built for a newer Java than its image has"),
    Rule("log", r"(NoClassDefFoundError|ClassNotFoundException): (?P<name>\S+)", "class {name} is not in its jar"),
    Rule("log", r"ModuleNotFoundError: No module named (?P<name>\S+)", "Python module {name} is not in its image"),
    Rule("log", r"Could not resolve placeholder '(?P<name>[^']+)'", "configuration {name} is not set",
         "`env` of the service, or its configuration server"),
    Rule("log", r"([Aa]ddress already in use|[Pp]ort (?P<port>\d+) (was|is) already in use)",
         "two of its programs want the same port"),
    Rule("log", r"Access denied for user '(?P<user>[^']*)'", "the database refuses user {user}",
         "poscloud secret rotate, if the password is another one"),
    Rule("log", r"Unknown database '(?P<name>[^']+)'", "there is no database {name}", "`databases` of the MySQL"),
    Rule("log", r"(NOAUTH|WRONGPASS|invalid username-password)", "Redis refuses its password"),
    Rule("log", r"(UnknownHostException: |[Cc]ould not resolve host:? |getaddrinfo ENOTFOUND |no such host: ?)"
         r"(?P<host>[\w.-]+)", "it does not find {host}{waiting}", "is that service part of this environment?"),
    Rule("log", r"(?P<host>[\w.-]+[:/]\d{2,5}).{0,60}([Cc]onnection refused)|([Cc]onnection refused).{0,60}?"
         r"(?P<other>[\w.-]+[:/]\d{2,5})", "nothing answers at {host}{other}{waiting}"),
    Rule("log", r"[Cc]onnection refused", "something that it needs does not answer{waiting}"),
    Rule("log", r"No space left on device", "a disk is full", "`log_space`, or the volume's `storage.size`"),
    Rule("log", r"exec format error", "its image is for another processor than its node's"),
    Rule("log", r"([Pp]ermission denied|AccessDeniedException):? ?(?P<what>[^\n]{0,100})",
         "it may not read or write something: {what}", "`user` and `writable_root` of the service"),
    Rule("events", r"Unhealthy: Liveness probe failed: (?P<why>[^\n]{1,160})",
         "it was restarted because its liveness probe failed: {why}", "give it longer: `probes.initial_delay`"),
    Rule("ended", r"exit code 127", "its command was not found (exit code 127)", "its image, or `command`"),
    Rule("ended", r"exit code 126", "its command cannot be run (exit code 126)", "its image, or `command`"),
    Rule("ended", r"exit code 139", "it crashed with a memory error (segmentation fault, exit code 139)"),
    Rule("ended", r"exit code 137", "it was killed from outside (exit code 137)", "memory of the node, or the probe"),
    # It runs, and is not ready.
    Rule(_STATE_OR_EVENTS, r"Startup probe failed: (?P<why>[^\n;]{1,160})",
         "it takes longer to start than it may: {why}", "`probes.initial_delay`"),
    Rule(_STATE_OR_EVENTS, r"Readiness probe failed:.*?(?P<host>[\d.]+:(?P<port>\d+)).*?connection refused",
         "it runs, but nothing listens on port {port} yet{waiting}"),
    Rule(_STATE_OR_EVENTS, r"Readiness probe failed:.*statuscode: (?P<code>404)",
         "its health page is not there (404)", "`probes.path`"),
    Rule(_STATE_OR_EVENTS, r"Readiness probe failed:.*statuscode: (?P<code>\d+)",
         "it runs, but its health page says {code}{waiting}"),
    Rule(_STATE_OR_EVENTS, r"Readiness probe failed:.*(deadline exceeded|[Tt]imeout)",
         "it runs, but does not answer its readiness probe in time", "is it short of CPU? poscloud top"),
    Rule(_STATE_OR_EVENTS, r"Readiness probe failed: (?P<why>[^\n;]{1,160})", "its readiness probe fails: {why}"),
    Rule("ended", r"exit code (?P<code>[1-9]\d*)", "its program ends with exit code {code}; its last lines say more"),
    Rule(_STATE_OR_EVENTS, r"ProgressDeadlineExceeded", "its new pods did not become ready in time"),
)  # fmt: skip
"""Cause by cause, the most telling first."""
