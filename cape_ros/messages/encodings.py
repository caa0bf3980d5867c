"""Converts the encodings of sensor_msgs/Image to RGB by one table, with OpenCV.

What stays as it is, is a view into the message. The codes of OpenCV name a Bayer mosaic by its
second row: BayerBG is rggb.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from cape_ros.core.errors import InvalidInput

PAGE = 4096  # bytes that hardware may fill up
MOST_PIXELS = 1 << 25  # of a frame: 8K video has 33.2 million

RGB, BGR, GREY = (0, 1, 2), (2, 1, 0), (0,)
YUV_TO_RGB = np.array(  # BT.601 with Y from 16 to 235, as OpenCV's own codes for video have it
    [[1.164, 0, 1.596], [1.164, -0.391, -0.813], [1.164, 2.018, 0]], np.float32
)
YUV_TO_RGB = np.hstack([YUV_TO_RGB, -YUV_TO_RGB @ np.array([[16], [128], [128]], np.float32)])


@dataclass(frozen=True)
class Layout:
    """The memory layout of an encoding. octets: of a pixel in a row of `step` octets.

    planes: rows of data for each row of the image. convert: from the rows [H * planes, W, octets]
    and whether the upper octet of a sample comes first. A size must be a multiple of `block`
    (width, height) and at least `least` on each side.
    """

    octets: int
    convert: Callable[[np.ndarray, bool], np.ndarray]
    planes: float = 1
    block: tuple[int, int] = (1, 1)
    least: int = 1


def to_rgb(image: Any, layout: Layout, field: str) -> np.ndarray:
    """A sensor_msgs/Image of that layout as [H, W, 3] uint8; a view wherever that can be.

    Raises `InvalidInput` for a size that the encoding cannot have, and for data that does not fit.
    """
    check_size(image, field)
    _check_blocks(image, layout, field)
    rows, used = round(image.height * layout.planes), image.width * layout.octets
    data = read_rows(image, rows, used, field)
    shape, strides = (rows, image.width, layout.octets), (image.step, layout.octets, 1)
    pixels = np.lib.stride_tricks.as_strided(data, shape, strides, writeable=False)
    return layout.convert(pixels, bool(image.is_bigendian))


def read_rows(image: Any, rows: int, used: int, field: str) -> np.ndarray:
    """The data of a sensor_msgs/Image. rows: in it. used: octets of each row.

    Raises `InvalidInput` for data that does not fit the size: where more came than the rest of a
    page of memory and whole rows below, the rows are longer or elsewhere than the message says.
    """
    if image.step < used:
        reason = f"{image.step} bytes are fewer than a row of {image.width} {image.encoding} pixels"
        raise InvalidInput.of(f"{field}.step", reason)
    data = np.frombuffer(image.data, np.uint8)
    if data.size < (rows - 1) * image.step + used:
        reason = f"{data.size} bytes do not hold {rows} rows of {image.step} bytes"
        raise InvalidInput.of(f"{field}.data", reason)
    surplus = data.size - rows * image.step
    if surplus >= PAGE and (surplus % image.step or rows != image.height):
        reason = f"{data.size} bytes are more than {rows} rows of {image.step} bytes"
        raise InvalidInput.of(f"{field}.data", reason)
    return data


def check_size(image: Any, field: str) -> None:
    """Raises `InvalidInput` for no pixels, and for more than are ever processed."""
    if not 0 < image.width * image.height <= MOST_PIXELS:
        reason = f"an image of {image.width} x {image.height} pixels"
        raise InvalidInput.of(f"{field}.width", reason)


def _check_blocks(image: Any, layout: Layout, field: str) -> None:
    for name, size, block in zip(
        ("width", "height"), (image.width, image.height), layout.block, strict=True
    ):
        if size % block:
            reason = f"{size} is odd, and two pixels share a colour in {image.encoding}"
            raise InvalidInput.of(f"{field}.{name}", reason)
        if size < layout.least:
            reason = f"{size} is less than the {layout.least} pixels that {image.encoding} needs"
            raise InvalidInput.of(f"{field}.{name}", reason)


def _packed(octets: int, order: Sequence[int]) -> Layout:
    """Samples of 8 bits: a view."""
    if order == GREY:
        return Layout(octets, lambda pixels, _: cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))
    channels = slice(2, None, -1) if order == BGR else slice(3)
    return Layout(octets, lambda pixels, _: pixels[..., channels])


def _deep(samples: int, order: Sequence[int]) -> Layout:
    """Samples of 16 bits: of each the upper octet."""

    def convert(pixels: np.ndarray, big: bool) -> np.ndarray:
        upper = _upper(pixels, order, big)
        return cv2.cvtColor(upper, cv2.COLOR_GRAY2RGB) if order == GREY else upper

    return Layout(2 * samples, convert)


def _upper(pixels: np.ndarray, order: Sequence[int], big: bool) -> np.ndarray:
    """The upper octets of 16-bit samples in that order: [H, W, len(order)]."""
    upper = np.empty((*pixels.shape[:2], len(order)), np.uint8)
    pairs = [(2 * sample + (not big), place) for place, sample in enumerate(order)]
    cv2.mixChannels([pixels], [upper], [index for pair in pairs for index in pair])
    return upper


def _bayer(octets: int, code: int) -> Layout:
    def convert(pixels: np.ndarray, big: bool) -> np.ndarray:
        return cv2.cvtColor(pixels if octets == 1 else _upper(pixels, GREY, big), code)

    return Layout(octets, convert, least=3)  # OpenCV makes smaller ones black


def _video(octets: int, code: int, planes: float, block: tuple[int, int]) -> Layout:
    return Layout(octets, lambda pixels, _: cv2.cvtColor(pixels, code), planes, block)


def _nv24(rows: np.ndarray, _: bool) -> np.ndarray:
    """A plane of Y and one of interleaved U, V with rows twice as long; OpenCV has no such code."""
    height, width, step = len(rows) // 3, rows.shape[1], rows.strides[0]
    colours = np.lib.stride_tricks.as_strided(
        rows[height:], (height, width, 2), (2 * step, 2, 1), writeable=False
    )
    black = 16  # what is darker counts as this, as with the other encodings of video
    return cv2.transform(np.dstack([np.maximum(rows[:height], black), colours]), YUV_TO_RGB)


UYVY = _video(2, cv2.COLOR_YUV2RGB_UYVY, 1, (2, 1))
YUYV = _video(2, cv2.COLOR_YUV2RGB_YUY2, 1, (2, 1))
MOSAICS = {
    "rggb": cv2.COLOR_BayerBG2RGB,
    "bggr": cv2.COLOR_BayerRG2RGB,
    "gbrg": cv2.COLOR_BayerGR2RGB,
    "grbg": cv2.COLOR_BayerGB2RGB,
}
LAYOUTS: Mapping[str, Layout] = {
    "rgb8": _packed(3, RGB),
    "bgr8": _packed(3, BGR),
    "rgba8": _packed(4, RGB),
    "bgra8": _packed(4, BGR),
    "mono8": _packed(1, GREY),
    "8UC1": _packed(1, GREY),
    "8UC3": _packed(3, BGR),  # as OpenCV has its pictures
    "8UC4": _packed(4, BGR),
    "rgb16": _deep(3, RGB),
    "bgr16": _deep(3, BGR),
    "rgba16": _deep(4, RGB),
    "bgra16": _deep(4, BGR),
    "mono16": _deep(1, GREY),
    "16UC3": _deep(3, BGR),
    "16UC4": _deep(4, BGR),
    **{f"bayer_{name}8": _bayer(1, code) for name, code in MOSAICS.items()},
    **{f"bayer_{name}16": _bayer(2, code) for name, code in MOSAICS.items()},
    "yuv422": UYVY,
    "uyvy": UYVY,
    "yuv422_yuy2": YUYV,
    "yuyv": YUYV,
    "nv12": _video(1, cv2.COLOR_YUV2RGB_NV12, 1.5, (2, 2)),
    "nv21": _video(1, cv2.COLOR_YUV2RGB_NV21, 1.5, (2, 2)),
    "nv24": Layout(1, _nv24, planes=3),
}
