"""Where a JPEG file lacks a part: decoders fill the gap with grey or noise, and say nothing."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import numpy as np
import PIL.Image

# A marker ends the data of a scan, but for those that restart it; 0xFF 0x00 is a byte of the data.
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
RESTART = re.compile(rb"\xff([\xd0-\xd7])")
START_OF_SCAN, END_OF_IMAGE, RESTART_INTERVAL = 0xDA, 0xD9, 0xDD
ONE_PASS = (0xC0, 0xC1)  # frames, baseline and extended, that are not progressive
ALONE = (0x01, *range(0xD0, 0xD9))  # markers without a length
SLACK = 16  # bytes that a decoder may read ahead, or that a camera leaves out at the end


def check_parts(octets: bytes) -> None:
    """Raises anything for a file that is cut off, and for one pass of data with a gap.

    A gap in a progressive file is not noticed.
    """
    layout = _Layout.of(octets)
    if not layout.one_pass:
        # Pillow notices what is cut off, for which an eighth of the resolution, in grey, is enough:
        # half the time.
        _decode_small(octets)
        return
    restarts = [marker[1][0] & 7 for marker in RESTART.finditer(octets, layout.data, layout.end)]
    if restarts != [number % 8 for number in range(layout.restarts)]:
        raise ValueError("a part of it is missing")
    try:  # without the mark of the end, Pillow notices that the data ends before the image does
        _decode_small(octets[: layout.end] + bytes(SLACK))
    except OSError as error:
        raise ValueError("a part of it is missing") from error


def _decode_small(octets: bytes) -> None:
    with PIL.Image.open(io.BytesIO(octets), formats=("JPEG",)) as file:
        file.draft("L", (1, 1))
        file.load()


@dataclass(frozen=True)
class _Layout:
    """data, end: where the first scan's data begins, and where the first image ends. one_pass:
    this scan is all there is. restarts: how many marks restart it."""

    data: int
    end: int
    one_pass: bool
    restarts: int

    @classmethod
    def of(cls, octets: bytes) -> _Layout:
        """Raises ValueError for a file that is cut off, IndexError for one that is damaged."""
        at, data, interval, scans = 2, 0, 0, 0
        kind, blocks, components = 0, 0, 0
        while (found := MARKER.search(octets, at)) is not None:
            marker, at = found[0][1], found.end()
            if marker == END_OF_IMAGE and scans:
                one_pass = kind in ONE_PASS and scans == 1 and components == 0
                restarts = (blocks - 1) // interval if interval else 0
                return cls(data, found.start(), one_pass, restarts)
            if marker in ALONE or marker == END_OF_IMAGE:
                continue
            body = octets[at + 2 : at + int.from_bytes(octets[at : at + 2], "big")]
            at += 2 + len(body)
            if marker == START_OF_SCAN:
                scans += 1
                components -= body[0]
                data = data or at
            elif marker == RESTART_INTERVAL:
                interval = int.from_bytes(body, "big")
            elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                kind, components, blocks = marker, body[5], _blocks(body)
        raise ValueError("it is cut off")


def _blocks(frame: bytes) -> int:
    """How many blocks (MCUs) a scan of all components has."""
    height, width = (int.from_bytes(frame[at : at + 2], "big") for at in (1, 3))
    factors = [(frame[at] >> 4, frame[at] & 15) for at in range(7, len(frame), 3)]
    if len(factors) == 1:
        factors = [(1, 1)]
    across, down = (8 * max(side) for side in zip(*factors, strict=True))
    return int(np.ceil(width / across) * np.ceil(height / down))
