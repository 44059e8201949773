"""Regular expressions of Go (RE2), as Filebeat reads them."""

from __future__ import annotations

import re
import warnings

_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/",
    "space": r"\s",
    "upper": "A-Z",
    "word": r"\w",
    "xdigit": "0-9a-fA-F",
}
_SET = re.compile(r"(?<!\\)\[\^?\]?(\[:\^?\w+:\]|\\.|[^\]\\])*\]")
_LACKING = re.compile(
    r"\(\?(<?[=!]|>|\(|#|P[=>]|[a-zA-Z-]*[aLux][a-zA-Z-]*[:)])|\\[1-9ZuNGKR]|(?<!\\)[*+?}]\+"
)
_ESCAPE = re.compile(r"\\(Q.*?(\\E|$)|[pP](\{\^?\w+\}|\w)|x\{[0-9a-fA-F]+\}|z|[^QpPxz]|x)", re.DOTALL)
_FLAGS = re.compile(r"\(\?[imsU]*(-[imsU]+)?([:)])")


def check_go_pattern(pattern: str) -> str:
    """Return ``pattern`` if Go's ``regexp`` can compile it, as far as that is seen without it.

    Python's compiler looks at the brackets and repetitions, once what only Go writes is put into its terms; what only
    Python (or Perl) has is refused before.

    Raises:
        ValueError: It cannot.
    """
    bare = _SET.sub("x", pattern.replace(r"\\", ""))
    if _LACKING.search(bare):
        raise ValueError(
            f"'{pattern}' has a look-ahead, look-behind, back-reference or the like, which Filebeat's expressions "
            "(RE2) lack"
        )
    text = _ESCAPE.sub(_in_python, pattern)
    text = re.sub(r"\[:(\^?)(\w+):\]", _class, text)
    text = _FLAGS.sub(lambda match: "(?:" if match[2] == ":" else "", text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"'{pattern}' is no regular expression (RE2): {error}") from None
    return pattern


def _in_python(match: re.Match[str]) -> str:
    """Return an escape in Python's terms; of a class or a character, any stands for all."""
    escape = match[1]
    if escape.startswith("Q"):
        return re.escape(escape[1:].removesuffix("\\E"))
    if escape[0] in "pP" or escape.startswith("x{"):
        return r"\x41"
    return r"\Z" if escape == "z" else match[0]


def _class(match: re.Match[str]) -> str:
    if match[2] not in _CLASSES:
        raise ValueError(f"'{match[0]}' is no class of characters: [:{':], [:'.join(_CLASSES)}:]")
    return _CLASSES[match[2]]
