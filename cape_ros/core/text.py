"""Text from files and file systems that not every program can take."""

from __future__ import annotations


def encodable(text: str) -> str:
    r"""The text with halves of letters (lone surrogates), which UTF-8 cannot have, as `\udcfc`.

    Python makes them of file names that are not UTF-8, and of such escapes in JSON.
    """
    return text.encode(errors="backslashreplace").decode()
