"""What a camera does to an image: exposure, white balance, blur, noise, JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator


@dataclass(frozen=True)
class CameraNoise:
    """exposure: gain for each channel. blur: sigma in pixels. motion: pixels, and degrees. noise:
    standard deviation in grey levels at black and (shot) at white. quality: of the JPEG file."""

    exposure: tuple[float, float, float]
    blur: float
    motion: tuple[float, float]
    noise: tuple[float, float]
    quality: int

    @classmethod
    def draw(cls, generator: Generator, strength: float = 1.0) -> CameraNoise:
        """strength: 1 = as drawn for training, 0 = a perfect camera."""
        gain = np.exp(
            generator.normal(0, 0.18 * strength) + generator.normal(0, 0.05 * strength, 3)
        )
        moved = generator.random() < 0.15
        return cls(
            (float(gain[0]), float(gain[1]), float(gain[2])),
            float(strength * generator.uniform(0, 0.9)),
            (
                float(strength * generator.uniform(1, 5)) if moved else 0.0,
                generator.uniform(0, 180),
            ),
            (float(strength * generator.uniform(0, 4)), float(strength * generator.uniform(0, 6))),
            int(np.clip(95 - strength * generator.uniform(0, 45), 30, 95)),
        )

    def apply(self, pixels: np.ndarray, generator: Generator) -> np.ndarray:
        """[H, W, 3] uint8 RGB; the generator draws the noise. The JPEG is the caller's to write."""
        image: np.ndarray = pixels.astype(np.float32) * np.array(self.exposure, np.float32)
        if self.blur > 0.2:
            image = cv2.GaussianBlur(image, (0, 0), self.blur)
        length, angle = self.motion
        if length >= 1:
            image = cv2.filter2D(image, -1, _streak(length, angle))
        deviation = self.noise[0] + self.noise[1] * np.sqrt(np.clip(image, 0, 255) / 255)
        image += generator.normal(0, 1, image.shape).astype(np.float32) * deviation
        noisy: np.ndarray = np.clip(image + 0.5, 0, 255).astype(np.uint8)
        return noisy


def _streak(length: float, angle: float) -> np.ndarray:
    """A normalised line of so many pixels through the middle of a kernel."""
    side = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((side, side), np.float32)
    middle = (side - 1) / 2
    reach = length / 2 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    for part in np.linspace(-1, 1, 8 * side):
        x, y = np.round(middle + part * reach).astype(int)
        kernel[y, x] += 1
    streak: np.ndarray = kernel / kernel.sum()
    return streak
