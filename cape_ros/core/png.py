"""What a PNG file holds besides its image."""

from __future__ import annotations

SIGNATURE = 8  # bytes
AROUND = 12  # bytes of each chunk: its length, its kind and its checksum
METADATA = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")


def without_metadata(octets: bytes) -> bytes:
    """The file without texts and colour profile: Pillow refuses an image for those that are large.

    What is damaged stays as it is.
    """
    parts, begins, at = [], 0, SIGNATURE
    while at + AROUND <= len(octets):
        end = at + AROUND + int.from_bytes(octets[at : at + 4], "big")
        if octets[at + 4 : at + 8] in METADATA and end <= len(octets):
            parts.append(octets[begins:at])
            begins = end
        at = end
    return b"".join((*parts, octets[begins:]))
