"""When the images of one camera were taken."""

from __future__ import annotations


class CaptureTime:
    """By their stamps; where those stand still, by their arrival. Some drivers stamp nothing, or
    every image alike, and an object would never be lost."""

    def __init__(self) -> None:
        self._stamp: float | None = None
        self._since = 0.0  # when the first image of that stamp came

    def of(self, stamp: float, came: float) -> float:
        """In seconds, of the image that comes next. stamp: its own. came: by any clock."""
        if stamp != self._stamp:
            self._stamp, self._since = stamp, came
        return stamp + came - self._since
