"""Where baselines are kept: a folder, a bucket, or, only read, a web server; ``PROJECT/STACK.json`` in each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Protocol
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from poscloud.cluster.address import scrubbed, shown
from poscloud.errors import AuthError, DeployError, PosCloudError
from poscloud.spec.baseline import check_baseline

VARIABLE = "POSCLOUD_BASELINE"
"""Goes before the description: a job that only reads may have another way to the same place."""
SECONDS = 10.0
"""How long a web server may take to answer."""
LARGEST = 256 * 2**20
"""Bytes of a baseline that are read; that of 200 services has 1.4 MB."""
_WHAT = "the baseline's place"
_MISSING = frozenset({404, 410})


class _Store(Protocol):
    def read(self, key: str) -> bytes | None: ...

    def write(self, key: str, content: bytes) -> None: ...


@dataclass(frozen=True)
class Place:
    """Where the baseline of one stack is.

    Attributes:
        address: A folder, ``s3://…`` or ``https://…``.
        root: The project's folder, which a folder is relative to.
        project: The Pulumi project.
        stack: The stack.
    """

    address: str
    root: Path
    project: str
    stack: str

    def __str__(self) -> str:
        if "://" not in self.address:
            return str(self._folder / self.key)
        base, query, parameters = shown(self.address).partition("?")
        return f"{base.rstrip('/')}/{self.key}{query}{parameters}"

    @property
    def key(self) -> str:
        """The document's name in its place."""
        return f"{self.project}/{self.stack}.json"

    @property
    def _folder(self) -> Path:
        return self.root / Path(self.address).expanduser()

    def read(self) -> bytes | None:
        """Return the document; ``None`` when none was published yet.

        Raises:
            AuthError: The place refuses the credentials.
            DeployError: It cannot be read.
        """
        if self.address.startswith("https://"):
            return self._fetched()
        with self._open() as store:
            return store.read(self.key)

    def write(self, content: bytes) -> None:
        """Put the document in the place of the one before; who reads meanwhile gets one of the two.

        Raises:
            AuthError: The place refuses the credentials.
            PosCloudError: It cannot be written.
        """
        if self.address.startswith("https://"):
            raise PosCloudError(
                f"the baseline cannot be published to {self}: https:// is only read",
                hint=f"set {VARIABLE} or `baseline` to the folder or the bucket behind it",
            )
        with self._open() as store:
            store.write(self.key, content)

    @contextmanager
    def _open(self) -> Iterator[_Store]:
        if self.address.startswith("s3://"):
            from poscloud.engine.backends.s3 import open_s3

            with open_s3(self.address, _WHAT, f"{VARIABLE} or `baseline`") as bucket:
                yield bucket
        else:
            from poscloud.engine.backends.files import open_files

            with open_files(self._folder, _WHAT) as folder:
                yield folder

    def _fetched(self) -> bytes | None:
        base, query, parameters = self.address.partition("?")
        url = f"{base.rstrip('/')}/{self.key}{query}{parameters}"
        hint = (
            f"check {VARIABLE} or `baseline`; who may write it: poscloud mr baseline publish -s {self.stack}"
        )
        try:
            with urlopen(url, timeout=SECONDS) as answer:
                content: bytes = answer.read(LARGEST + 1)
        except HTTPError as error:
            if error.code in _MISSING:
                return None
            refused = AuthError if error.code in (401, 403) else DeployError
            raise refused(f"the baseline {self} cannot be read: HTTP {error.code}", hint=hint) from None
        except (URLError, HTTPException, OSError, ValueError) as error:
            reason = scrubbed(str(getattr(error, "reason", error)), self.address)
            raise DeployError(f"the baseline {self} cannot be read: {reason}", hint=hint) from None
        if len(content) > LARGEST:
            raise DeployError(f"the baseline {self} has more than {LARGEST} bytes", hint=hint)
        return content


def place_of(
    root: Path, project: str, stack: str, described: str | None, environment: Mapping[str, str] | None = None
) -> Place | None:
    """Return where the baseline of a stack is kept; ``None`` when nobody said so.

    Args:
        root: The project's folder.
        project: The Pulumi project.
        stack: The stack.
        described: ``baseline`` of its description.
        environment: The environment variables; by default this process'.

    Raises:
        PosCloudError: The variable POSCLOUD_BASELINE is no place.
    """
    given = (os.environ if environment is None else environment).get(VARIABLE)
    if given:
        try:
            check_baseline(given)
        except ValueError as error:
            raise PosCloudError(f"{VARIABLE} is no place for a baseline: {error}") from None
    address = given or described
    return Place(address, root, project, stack) if address else None
