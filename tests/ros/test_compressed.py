"""A camera's compressed frame shows what the camera saw, or is refused with its format."""

from __future__ import annotations

import array
import io

import cv2
import dds  # noqa: F401  # before the message packages
import numpy as np
import PIL.Image
import pytest
from sensor_msgs.msg import CompressedImage

from cape_ros.core.errors import InvalidInput
from cape_ros.messages.images import read_image

RED = np.broadcast_to(np.uint8([200, 20, 20]), (96, 128, 3)).copy()
FAST = pytest.mark.parametrize("fast", [True, False], ids=["frame", "request"])


def message(data: bytes, format: str = "jpeg") -> CompressedImage:
    return CompressedImage(format=format, data=array.array("B", data))


def encoded(pixels: np.ndarray, kind: str = "JPEG") -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def colour(pixels: np.ndarray) -> np.ndarray:
    return pixels[8:-8, 8:-8].reshape(-1, 3).mean(axis=0)


@FAST
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("padding", [bytes(300), bytes(100_000), b"\xff" * 70, b"\xaa\x55" * 99])
def test_a_camera_that_sends_its_whole_buffer(kind: str, padding: bytes, fast: bool) -> None:
    data = encoded(RED, kind)
    pixels = read_image(message(data + padding), fast=fast)
    np.testing.assert_array_equal(pixels, read_image(message(data)))


@FAST
@pytest.mark.parametrize("padding", [b"", bytes(300), b"\xaa\x55" * 99])
def test_a_frame_that_is_cut_off_is_refused(padding: bytes, fast: bool) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    data = encoded(noise)
    for length in (100, len(data) // 2, len(data) - 70):
        with pytest.raises(InvalidInput, match=r"image\.data"):
            read_image(message(data[:length] + padding), fast=fast)


@FAST
@pytest.mark.parametrize(
    ("format", "expected"),
    [
        ("jpeg", (200, 20, 20)),
        ("", (200, 20, 20)),
        ("rgb8; jpeg compressed bgr8", (200, 20, 20)),
        ("bgr8; jpeg compressed bgr8", (200, 20, 20)),
        ("yuv422; jpeg compressed bgr8", (200, 20, 20)),
        ("bgr8; jpeg compressed rgb8", (20, 20, 200)),  # written as if it were BGR
    ],
)
def test_the_order_of_the_colours(format: str, expected: tuple[int, ...], fast: bool) -> None:
    pixels = read_image(message(encoded(RED), format), fast=fast)
    np.testing.assert_allclose(colour(pixels), expected, atol=4)


@FAST
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_an_orientation_in_the_file_rotates_nothing(kind: str, fast: bool) -> None:
    """CameraInfo and boxes are of the pixels as they are sent; so does image_transport."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    file = io.BytesIO()
    PIL.Image.fromarray(RED).save(file, kind, exif=exif)
    for format in (kind.lower(), "bayer_rggb8; jpeg compressed bgr8", "rgb8; png compressed rgb8"):
        assert read_image(message(file.getvalue(), format), fast=fast).shape == RED.shape


@FAST
@pytest.mark.parametrize(
    ("pattern", "red"), [("rggb", (0, 0)), ("bggr", (1, 1)), ("gbrg", (1, 0)), ("grbg", (0, 1))]
)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_mosaic_becomes_colours(
    pattern: str, red: tuple[int, int], kind: type[np.unsignedinteger], fast: bool
) -> None:
    mosaic = np.zeros((96, 128), kind)
    mosaic[red[0] :: 2, red[1] :: 2] = np.iinfo(kind).max
    data = cv2.imencode(".png", mosaic)[1].tobytes()
    bits = np.iinfo(kind).bits
    pixels = read_image(message(data, f"bayer_{pattern}{bits}; png compressed "), fast=fast)
    assert pixels.dtype == np.uint8
    np.testing.assert_allclose(colour(pixels), (255, 0, 0), atol=4)


def test_a_mosaic_that_the_driver_made_colours_of() -> None:
    pixels = read_image(message(encoded(RED), "bayer_rggb8; jpeg compressed bgr8"))
    np.testing.assert_allclose(colour(pixels), (200, 20, 20), atol=4)


@FAST
@pytest.mark.parametrize(
    ("data", "format", "reason"),
    [
        (encoded(RED, "WEBP"), "webp", "webp.*WebP"),
        (encoded(RED, "TIFF"), "rgb8; tiff compressed rgb8", "tiff.*TIFF"),
        (b"\0\0\0\1\x67" + bytes(90), "h264", "h264"),
        (bytes(12) + encoded(RED, "PNG"), "16UC1; compressedDepth png", "depth"),
        (encoded(RED[..., 0], "PNG"), "16UC1; png compressed ", "depth"),
        (b"", "jpeg", "0 bytes"),
        (b"hello", "", "5 bytes"),
    ],
)
def test_what_is_refused_is_named(data: bytes, format: str, reason: str, fast: bool) -> None:
    with pytest.raises(InvalidInput, match=reason) as refusal:
        read_image(message(data, format), fast=fast)
    assert " object at 0x" not in str(refusal.value)
