"""What an image hides: programs that cut an object out leave its surroundings in the file."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import PIL.ImageOps


def opacity(octets: bytes) -> np.ndarray | None:
    """[H, W] uint8, upright as its EXIF orientation says; None of a file that hides nothing.

    Raises anything for a file that Pillow cannot read.
    """
    with PIL.Image.open(io.BytesIO(octets)) as file:
        if not file.has_transparency_data or file.mode.startswith("I"):
            return None
        upright = PIL.ImageOps.exif_transpose(file)
        alpha = np.asarray(upright.convert("RGBA").getchannel("A"))
    return alpha if alpha.min() < 255 else None


def lay_over_white(pixels: np.ndarray, alpha: np.ndarray) -> None:
    """pixels: [H, W, 3] uint8, which are changed. alpha: as of `opacity`."""
    for row, share in zip(pixels, alpha[..., None].astype(np.uint16), strict=True):
        row[:] = (row * share + (255 - share) * 255 + 127) // 255
