"""JavaService: a Spring Cloud application in its own image."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from poscloud.spec.service import NfsMount, ServiceSpec
from poscloud.spec.values import MEBIBYTE, mebibytes, parse_jvm_size, parse_quantity

HEAP_SHARE = Decimal("0.75")
"""Largest share of a container's memory limit that the heap may take.

The JVM needs memory beside its heap: metaspace and code cache (150 to 300 MiB for a Spring Cloud
application), a stack of 1 MiB for each thread, direct buffers and the collector's own tables. A heap as
large as the limit, as in the common ``-Xmx4g`` in ``4096Mi``, is killed by the kernel as soon as it is
really used; a quarter beside the heap is what the JVM itself and the usual guides leave.
"""

_HEAP_OPTION = re.compile(r"-(Xm[sx]|XX:(?:Max|Initial)HeapSize=)(\S+)")


class JavaServiceSpec(ServiceSpec):
    """A Spring Cloud service, started from its image by ``JAVA_OPTS``."""

    kind: Literal["java"] = Field("java", description="A Java (Spring Cloud) service.")
    java_opts: str | None = Field(
        None,
        description="JAVA_OPTS as a whole. Left out: -Xmx is three quarters of the memory limit and -Xms three "
        "quarters of the memory request.",
        examples=["-Xms768m -Xmx3g"],
    )
    opt_data: NfsMount | None = Field(None, description="NFS directory mounted at /home/deploy.")

    @model_validator(mode="after")
    def _heap_fits(self) -> JavaServiceSpec:
        limit = self.resources.limits.memory
        if self.java_opts is None or limit is None:
            return self
        largest = parse_quantity(limit) * HEAP_SHARE
        for option, text in _HEAP_OPTION.findall(self.java_opts):
            if parse_jvm_size(text) > largest:
                heap, wanted = int(largest // MEBIBYTE), mebibytes(parse_jvm_size(text) / HEAP_SHARE)
                raise PydanticCustomError(
                    "heap_too_large",
                    "java_opts has -{option}, but the memory limit is {limit}: the heap may be at most {heap}m "
                    "(three quarters), because the JVM needs the rest beside it. Use -Xmx{heap}m, raise "
                    "resources.limits.memory to {wanted}, or leave java_opts out",
                    {
                        "field": "java_opts",
                        "option": option + text,
                        "limit": limit,
                        "heap": heap,
                        "wanted": wanted,
                    },
                )
        return self

    def jvm_options(self) -> str:
        """Return JAVA_OPTS: the given ones, or a heap that fits the container.

        ``-Xms`` follows the request, so that an idle test environment stays within what the scheduler
        reserved for it; ``-Xmx`` follows the limit.
        """
        if self.java_opts is not None:
            return self.java_opts
        request, limit = self.resources.requests.memory, self.resources.limits.memory
        options = []
        if request:
            options.append(f"-Xms{int(parse_quantity(request) * HEAP_SHARE // MEBIBYTE)}m")
        if limit:
            options.append(f"-Xmx{int(parse_quantity(limit) * HEAP_SHARE // MEBIBYTE)}m")
        return " ".join(options)
