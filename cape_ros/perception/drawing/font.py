"""Fonts for text in pictures: Pillow's own, or what an older Pillow (9.4 in Debian 12) finds."""

from __future__ import annotations

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def load_font(size: int) -> Font:
    """size: height in pixels; the last resort has one size, and Latin letters only."""
    try:
        return ImageFont.load_default(size)
    except (TypeError, ImportError):  # Pillow before 10.1; one without FreeType
        pass
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size)
    except (OSError, ImportError):
        return ImageFont.load_default()


def writable(words: str, font: Font) -> str:
    """The words, with a question mark for what the font cannot write without failing."""
    if isinstance(font, ImageFont.FreeTypeFont):
        return words
    return words.encode("latin-1", "replace").decode("latin-1")
