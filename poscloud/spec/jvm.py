"""What all services that run in a JVM share: options whose heap fits the container."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar, LiteralString

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from poscloud.spec.references import Finding
from poscloud.spec.service import ServiceSpec
from poscloud.spec.values import MEBIBYTE, mebibytes, parse_jvm_size, parse_quantity

HEAP_SHARE = Decimal("0.75")
"""Largest share of a container's memory limit that the heap may take.

The JVM needs memory beside its heap: metaspace and code cache (150 to 300 MiB for a Spring Cloud
application), a stack of 1 MiB for each thread, direct buffers and the collector's own tables. A heap as
large as the limit, as in the common ``-Xmx4g`` in ``4096Mi``, is killed by the kernel as soon as it is
really used; a quarter beside the heap is what the JVM itself and the usual guides leave.
"""

LEAST_PROCESSORS = 2
"""Processors that a JVM is told at least: with one it chooses its serial collector and pools of a single thread."""

_HEAP_OPTION = re.compile(r"-(Xm[sx]|XX:(?:Max|Initial)HeapSize=)(\S+)")
_HEAP_SIDE = {"Xms": "Initial", "XX:InitialHeapSize=": "Initial", "Xmx": "Max", "XX:MaxHeapSize=": "Max"}
_SHARE_OPTION = re.compile(r"-(XX:(?:Max|Min|Initial)RAMPercentage=)(\S+)")
_OPTION_VARIABLES = ("JAVA_OPTS", "CATALINA_OPTS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
"""Variables that the start script or the JVM itself takes options from."""


class JvmServiceSpec(ServiceSpec):
    """A service whose heap follows its memory."""

    least_memory: ClassVar[str] = "64Mi"
    options_variable: ClassVar[str] = "JAVA_OPTS"
    """Variable that the start script takes the JVM's options from; ``java_opts`` sets it."""

    java_opts: str | None = Field(
        None,
        description="JAVA_OPTS as a whole. Left out: -Xmx is three quarters of the memory limit, -Xms three "
        "quarters of the memory request, -XX:ActiveProcessorCount the CPU limit in whole cores, at least 2.",
        examples=["-Xms768m -Xmx3g"],
    )

    @model_validator(mode="after")
    def _heap_fits(self) -> JvmServiceSpec:
        limit = self.resources.limits.memory
        if self.java_opts is not None:
            _check_heap(self.java_opts, limit, "java_opts", "java_opts")
        for variable in _OPTION_VARIABLES:
            if variable in self.texts():
                _check_heap(self.texts()[variable], limit, "env", f"env.{variable}")
        return self

    def check(self) -> Iterator[Finding]:
        """Yield the options' variable where a field that is given sets it as well."""
        yield from super().check()
        variable, fields = self.options_variable, " and ".join(self.fields_of_options())
        if fields and variable in self.env:
            message = f"env.{variable} would replace what {fields} says"
            yield Finding(("env", variable), "managed-variable", message, "write all options into java_opts")

    def fields_of_options(self) -> list[str]:
        """Return the given fields that are options of the JVM."""
        return ["java_opts"] if self.java_opts is not None else []

    def jvm_options(self) -> str:
        """Return JAVA_OPTS: the given ones, or a heap that fits the container.

        ``-Xms`` follows the request, so that an idle test environment stays within what the scheduler
        reserved for it; ``-Xmx`` follows the limit. ``-XX:ActiveProcessorCount`` says the processors to a JVM
        that cannot read them from its cgroup (8u191 to 8u371 and 11.0.0 to 11.0.15 under cgroup v2), and is
        at least 2, as document 004 has it; a JVM before 8u191, which does not know the option, starts because
        of ``-XX:+IgnoreUnrecognizedVMOptions``, and gets them by ``CONTAINER_CORE_LIMIT``.
        """
        if self.java_opts is not None:
            return self.java_opts
        request, limit = self.resources.requests.memory, self.resources.limits.memory
        options = []
        if request:
            options.append(f"-Xms{int(parse_quantity(request) * HEAP_SHARE // MEBIBYTE)}m")
        if limit:
            options.append(f"-Xmx{int(parse_quantity(limit) * HEAP_SHARE // MEBIBYTE)}m")
        if cores := self.cores():
            processors = max(cores, LEAST_PROCESSORS)
            options += ["-XX:+IgnoreUnrecognizedVMOptions", f"-XX:ActiveProcessorCount={processors}"]
        return " ".join(options)

    def cores(self) -> int | None:
        """Return the CPU limit rounded up to whole cores; ``None`` without one."""
        return self.resources.limits.cores()


def _check_heap(options: str, limit: str | None, field: str, source: str) -> None:
    """Raise an error at ``field`` unless every heap in ``options`` fits the memory limit."""

    def refuse(option: str, message: LiteralString, **context: str | int) -> PydanticCustomError:
        context |= {"field": field, "source": source, "option": option}
        return PydanticCustomError("heap_too_large", message, context)

    sizes: dict[str, tuple[Decimal, str]] = {}
    for name, text in [*_HEAP_OPTION.findall(options), *_SHARE_OPTION.findall(options)]:
        option, relative = name + text, "RAMPercentage" in name
        try:
            size = _percentage(text) if relative else Decimal(parse_jvm_size(text))
        except ValueError as error:
            raise refuse(option, "{source} has -{option}, but {error}", error=str(error)) from None
        if name in _HEAP_SIDE:
            sizes[_HEAP_SIDE[name]] = size, option  # the JVM takes the last one
        if limit is None:
            raise refuse(
                option,
                "{source} has -{option}, but there is no memory limit that it could fit: a heap needs "
                "resources.limits.memory. Give it, or leave {source} out",
            )
        if relative and size > HEAP_SHARE * 100:
            raise refuse(
                option,
                "{source} has -{option}, but the heap may be at most {share} percent of the memory limit, because "
                "the JVM needs the rest beside it. Use {share}, or leave {source} out",
                share=int(HEAP_SHARE * 100),
            )
        largest = parse_quantity(limit) * HEAP_SHARE
        if not relative and size > largest:
            raise refuse(
                option,
                "{source} has -{option}, but the memory limit is {limit}: the heap may be at most {heap}m "
                "(three quarters), because the JVM needs the rest beside it. Use -Xmx{heap}m, raise "
                "resources.limits.memory to {wanted}, or leave {source} out",
                limit=limit,
                heap=int(largest // MEBIBYTE),
                wanted=mebibytes(size / HEAP_SHARE),
            )
    if len(sizes) == 2 and sizes["Initial"][0] > sizes["Max"][0]:
        raise refuse(
            sizes["Initial"][1],
            "{source} has -{option} and -{largest}: the JVM does not start with an initial heap above the largest",
            largest=sizes["Max"][1],
        )


def _percentage(text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]+(\.[0-9]*)?", text):
        raise ValueError(f"'{text}' is not a percentage: a number such as 75 or 62.5")
    return Decimal(text)
