"""Where the baseline of an environment is kept, with which a merge request is compared."""

from __future__ import annotations

from urllib.parse import urlsplit


def check_baseline(text: str) -> str:
    """Return the place as it was given.

    Args:
        text: A folder, ``s3://BUCKET/FOLDER?endpoint=…`` or, only read, ``https://HOST/FOLDER``.

    Raises:
        ValueError: It is none of these, or has credentials in it.
    """
    if not text.strip() or any(character < " " for character in text):
        raise ValueError("expected a folder, s3://BUCKET/FOLDER or https://HOST/FOLDER")
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("no address; expected s3://BUCKET/FOLDER or https://HOST/FOLDER") from None
    if parts.scheme not in ("s3", "https"):
        raise ValueError(f"'{parts.scheme}://' is not known here; expected a folder, s3:// or https://")
    if not parts.netloc or "@" in parts.netloc:
        raise ValueError("expected s3://BUCKET/FOLDER or https://HOST/FOLDER, without credentials")
    return text
