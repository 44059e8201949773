"""Size and count of a Java service's log files, so that together they stay below ``log_space``.

Logback's rotation deletes old files in time; the limit of the volume, at which the pod is evicted, is the last resort.
Shares of ``log_space``: closed files a half, the open one a sixteenth, the collector's five files five
sixty-fourths; the rest is for further files of the application and for the sidecar's place in them.
"""

from __future__ import annotations

from poscloud.spec import JavaServiceSpec
from poscloud.spec.values import MEBIBYTE, parse_quantity

CLOSED_SHARE = 2
OPEN_SHARE = 16
GC_SHARE = 64
GC_FILES = 4
DAYS = 7


def _share(space: str, divisor: int) -> int:
    """Return a part of ``space`` in MiB, which Spring Boot writes MB; at least one."""
    return max(1, int(parse_quantity(space) // divisor // MEBIBYTE))


def log_variables(space: str) -> dict[str, str]:
    """Return Spring Boot's variables: ``logging.logback.rollingpolicy.*``, and ``logging.file.*`` of Boot below 2.4."""
    size, total = f"{_share(space, OPEN_SHARE)}MB", f"{_share(space, CLOSED_SHARE)}MB"
    return {
        "LOGGING_LOGBACK_ROLLINGPOLICY_MAXFILESIZE": size,
        "LOGGING_LOGBACK_ROLLINGPOLICY_TOTALSIZECAP": total,
        "LOGGING_LOGBACK_ROLLINGPOLICY_MAXHISTORY": str(DAYS),
        "LOGGING_FILE_MAXSIZE": size,
        "LOGGING_FILE_TOTALSIZECAP": total,
        "LOGGING_FILE_MAXHISTORY": str(DAYS),
    }


def gc_options(spec: JavaServiceSpec, folder: str) -> str:
    """Return the JVM's options for a rotated log of its garbage collector; empty where none is wanted.

    Its name does not end in ``.log``: the sidecar leaves it alone, because its lines are no events.
    """
    file, size = f"{folder}/gc.txt", f"{_share(spec.log_space, GC_SHARE)}m"
    if spec.gc_log == "jdk8":
        return (
            f"-Xloggc:{file} -XX:+PrintGCDetails -XX:+PrintGCDateStamps -XX:+UseGCLogFileRotation "
            f"-XX:NumberOfGCLogFiles={GC_FILES} -XX:GCLogFileSize={size}"
        )
    if spec.gc_log == "jdk9+":
        return f"-Xlog:gc*:file={file}:time,uptime,level,tags:filecount={GC_FILES},filesize={size}"
    return ""
