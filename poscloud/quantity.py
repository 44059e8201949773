"""Amounts as Kubernetes writes them; of everybody, and so cheap to import."""

from __future__ import annotations

import re
from decimal import Decimal

_SUFFIX = {
    "n": Decimal(1).scaleb(-9),
    "u": Decimal(1).scaleb(-6),
    "m": Decimal(1).scaleb(-3),
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "E": Decimal(10) ** 18,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
    "Ei": Decimal(2) ** 60,
}
_QUANTITY = re.compile(
    r"(?P<number>[0-9]+(\.[0-9]*)?|\.[0-9]+)(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,3})?"
)
_MOST = 2**63 - 1
"""Kubernetes counts no further: a larger quantity becomes this one (API reference, Quantity)."""
_LONGEST = 60
"""Characters of a quantity."""


def parse_quantity(text: str) -> Decimal:
    """Return a Kubernetes quantity in base units (cores, bytes).

    Args:
        text: For example ``150m``, ``4``, ``1.5Gi``, ``2e3``.

    Raises:
        ValueError: The text is not a non-negative quantity.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None or len(text) > _LONGEST:
        raise ValueError(
            f"'{text}' is not a quantity: a number with an optional suffix such as 500m, 2, 512Mi, 4Gi"
        )
    suffix = match["suffix"] or ""
    scale = _SUFFIX.get(suffix)
    amount = Decimal(match["number"]) * (scale if scale is not None else Decimal(f"1{suffix}"))
    if amount > _MOST:
        raise ValueError(f"'{text}' is more than 2^63 - 1, the most that Kubernetes counts")
    return amount
