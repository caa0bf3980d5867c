"""What a PNG file holds besides its image."""

from __future__ import annotations

from collections.abc import Iterator

SIGNATURE = 8  # bytes
AROUND = 12  # bytes of each chunk: its length, its kind and its checksum
METADATA = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
ORIENTATION = b"eXIf"


def without_metadata(octets: bytes) -> bytes:
    """The file without texts and colour profile: Pillow refuses an image for those that are large.

    What is damaged stays as it is.
    """
    parts, begins = [], 0
    for kind, at, end in _chunks(octets):
        if kind in METADATA:
            parts.append(octets[begins:at])
            begins = end
    return b"".join((*parts, octets[begins:]))


def is_turned(octets: bytes) -> bool:
    """Whether it may have an EXIF orientation; some programs follow it, others do not."""
    return any(kind == ORIENTATION for kind, _, _ in _chunks(octets))


def _chunks(octets: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The kind of each whole chunk, where it begins and where it ends."""
    at = SIGNATURE
    while at + AROUND <= len(octets):
        end = at + AROUND + int.from_bytes(octets[at : at + 4], "big")
        if end > len(octets):
            return
        yield octets[at + 4 : at + 8], at, end
        at = end
