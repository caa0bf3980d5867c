"""Text with a Pillow that has no sizes for its own font, and on a machine without fonts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import ImageFont

from cape_ros.perception.drawing import font
from cape_ros.perception.drawing.overlay import Pen, text_mask


@pytest.fixture
def old_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 10.1: `load_default` takes no size, and gives bitmaps."""
    monkeypatch.setattr(ImageFont, "load_default", lambda: ImageFont.load_default_imagefont())
    text_mask.cache_clear()


@pytest.fixture
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: Any) -> None:
        raise OSError("cannot open resource")

    monkeypatch.setattr(ImageFont, "truetype", absent)


def test_a_font_of_the_system_has_the_size(
    old_pillow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(ImageFont, "truetype", lambda *given: asked.append(given))
    font.load_font(21)
    assert asked == [("DejaVuSans.ttf", 21)]


@pytest.mark.parametrize("words", ["handle", "Bügel", "取っ手", ""])
def test_text_is_written_all_the_same(old_pillow: None, no_fonts: None, words: str) -> None:
    outline, letters = text_mask(words, 20)
    assert outline.shape == letters.shape
    assert bool(letters.max()) is bool(words)
    text_mask.cache_clear()


def test_a_title_lies_on_the_picture(old_pillow: None, no_fonts: None) -> None:
    canvas = np.zeros((240, 320, 3), np.uint8)
    Pen(canvas).title("mug  0.90", (40, 60, 100, 100))
    assert canvas.max() > 200
    text_mask.cache_clear()
