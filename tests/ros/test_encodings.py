"""Every encoding against pixels computed by hand, and against cv_bridge where it can be used."""

from __future__ import annotations

import array
from typing import Any

import cv2
import dds  # noqa: F401  # before the message packages
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import Image

from cape_ros.core.errors import InvalidInput
from cape_ros.messages import bridge
from cape_ros.messages.depth import to_depth
from cape_ros.messages.encodings import LAYOUTS
from cape_ros.messages.images import to_array

ORDERS = {  # the places of red, green and blue among the samples of a pixel, and how many there are
    "rgb": ((0, 1, 2), 3),
    "bgr": ((2, 1, 0), 3),
    "rgba": ((0, 1, 2), 4),
    "bgra": ((2, 1, 0), 4),
    "mono": ((0, 0, 0), 1),
}
GENERIC = {"8UC1": "mono8", "8UC3": "bgr8", "8UC4": "bgra8", "16UC3": "bgr16", "16UC4": "bgra16"}
SAMPLED = [*(f"{order}{bits}" for order in ORDERS for bits in (8, 16)), *GENERIC]
MOSAICS = ("rggb", "bggr", "gbrg", "grbg")
PACKED = {"yuv422": "uyvy", "uyvy": "uyvy", "yuv422_yuy2": "yuyv", "yuyv": "yuyv"}
PLANAR = ("nv12", "nv21", "nv24")
DEPTH = ("16UC1", "32FC1", "64FC1", "16SC1", "32SC1", "32FC3", "8SC1", "32F")
SMALL, PAD = st.integers(1, 9), st.integers(0, 5)


def message(rows: np.ndarray, size: tuple[int, int], encoding: str, **more: Any) -> Image:
    """rows: the data [rows, step] uint8. size: (width, height)."""
    data = array.array("B", rows.tobytes())
    return Image(
        width=size[0], height=size[1], step=rows.shape[1], encoding=encoding, data=data, **more
    )


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def video_to_rgb(y: float, u: float, v: float) -> list[int]:
    """BT.601, Y in 16..235; what is darker counts as 16."""
    y, u, v = 1.164 * (max(float(y), 16) - 16), float(u) - 128, float(v) - 128
    values = (y + 1.596 * v, y - 0.813 * v - 0.391 * u, y + 2.018 * u)
    return [round(min(max(value, 0), 255)) for value in values]


def test_every_encoding_is_tested() -> None:
    bayer = [f"bayer_{mosaic}{bits}" for mosaic in MOSAICS for bits in (8, 16)]
    assert set(LAYOUTS) == {*SAMPLED, *bayer, *PACKED, *PLANAR}


@given(
    encoding=st.sampled_from(SAMPLED),
    width=SMALL,
    height=SMALL,
    pad=PAD,
    big=st.booleans(),
    seed=SMALL,
)
@settings(max_examples=200)
def test_samples_of_a_pixel(
    encoding: str, width: int, height: int, pad: int, big: bool, seed: int
) -> None:
    named = GENERIC.get(encoding, encoding)
    order, samples = ORDERS[named.rstrip("1680")]
    deep = named.endswith("16")
    step = width * samples * (2 if deep else 1) + pad
    rows = noise(seed, height, step)
    found = to_array(message(rows, (width, height), encoding, is_bigendian=int(big)))
    assert found.shape == (height, width, 3)
    for y in range(height):
        for x in range(width):
            at = [x * samples + place for place in order]
            if deep:  # the upper octet
                at = [2 * place + (not big) for place in at]
            assert found[y, x].tolist() == rows[y, at].tolist()


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "8UC3", "rgba8", "bgra8", "8UC4"])
def test_samples_of_8_bits_are_viewed(encoding: str) -> None:
    image = message(noise(0, 6, 40), (7, 6), encoding)
    assert np.shares_memory(to_array(image), np.frombuffer(image.data, np.uint8))


@given(
    mosaic=st.sampled_from(MOSAICS),
    bits=st.sampled_from([8, 16]),
    width=st.integers(3, 9),
    height=st.integers(3, 9),
    pad=PAD,
    big=st.booleans(),
    colour=st.tuples(*[st.integers(0, 255)] * 3),
)
@settings(max_examples=150)
def test_a_mosaic_of_one_colour(
    mosaic: str,
    bits: int,
    width: int,
    height: int,
    pad: int,
    big: bool,
    colour: tuple[int, int, int],
) -> None:
    tile = np.array([colour["rgb".index(letter)] for letter in mosaic], np.uint8).reshape(2, 2)
    pixels = np.tile(tile, (5, 5))[:height, :width]
    if bits == 16:
        pixels = (pixels.astype(">u2" if big else "<u2") * 257).view(np.uint8)
    rows = np.pad(pixels, ((0, 0), (0, pad)))
    encoding = f"bayer_{mosaic}{bits}"
    found = to_array(message(rows, (width, height), encoding, is_bigendian=int(big)))
    assert found.shape == (height, width, 3)
    assert (found == colour).all()


@given(
    encoding=st.sampled_from([*PACKED, *PLANAR]),
    pairs=st.integers(1, 4),
    height=st.integers(1, 4),
    pad=PAD,
    seed=SMALL,
)
@settings(max_examples=200)
def test_video(encoding: str, pairs: int, height: int, pad: int, seed: int) -> None:
    width, height = 2 * pairs, height * (2 if encoding in ("nv12", "nv21") else 1)
    y = noise(seed, height, width)
    if encoding == "nv24":
        colours = noise(seed + 1, height, width, 2)
        below = np.pad(colours.reshape(height, 2 * width), ((0, 0), (0, 2 * pad)))
        rows = np.vstack([np.pad(y, ((0, 0), (0, pad))), below.reshape(2 * height, width + pad)])
    elif encoding in PLANAR:
        colours = noise(seed + 1, height // 2, pairs, 2)
        stored = colours[..., ::-1] if encoding == "nv21" else colours
        rows = np.pad(np.vstack([y, stored.reshape(height // 2, width)]), ((0, 0), (0, pad)))
        colours = colours.repeat(2, axis=0).repeat(2, axis=1)
    else:
        colours = noise(seed + 1, height, pairs, 2)
        u, v, y0, y1 = colours[..., 0], colours[..., 1], y[:, ::2], y[:, 1::2]
        named = {"u": u, "v": v, "y0": y0, "y1": y1}
        order = ("u", "y0", "v", "y1") if PACKED[encoding] == "uyvy" else ("y0", "u", "y1", "v")
        packed = np.stack([named[name] for name in order], axis=-1).reshape(height, 2 * width)
        rows = np.pad(packed, ((0, 0), (0, pad)))
        colours = colours.repeat(2, axis=1)
    found = to_array(message(rows, (width, height), encoding))
    wanted = [
        [video_to_rgb(y[row, column], *colours[row, column]) for column in range(width)]
        for row in range(height)
    ]
    np.testing.assert_allclose(found, wanted, atol=2)


@pytest.mark.parametrize(
    ("encoding", "size", "field"),
    [
        ("yuv422", (7, 6), "width"),
        ("yuyv", (1, 1), "width"),
        ("nv12", (6, 7), "height"),
        ("nv21", (7, 6), "width"),
        ("bayer_rggb8", (2, 6), "width"),
        ("bayer_grbg16", (6, 2), "height"),
    ],
)
def test_a_size_that_cannot_be_names_field_and_reason(
    encoding: str, size: tuple[int, int], field: str
) -> None:
    number = size[field == "height"]
    with pytest.raises(InvalidInput, match=rf"image\.{field}: {number} is .*{encoding}"):
        to_array(message(noise(0, 40, 40), size, encoding))


UINT32 = st.one_of(st.integers(0, 8), st.integers(0, 2**32 - 1))


@given(
    width=UINT32,
    height=UINT32,
    step=UINT32,
    big=st.integers(0, 255),
    encoding=st.sampled_from([*LAYOUTS, *DEPTH, "", "rgb8\n", "nv61"]),
    data=st.binary(max_size=200),
)
@settings(max_examples=400)
def test_any_image_is_read_or_refused(
    width: int, height: int, step: int, big: int, encoding: str, data: bytes
) -> None:
    image = Image(width=width, height=height, step=step, encoding=encoding, is_bigendian=big)
    image.data = array.array("B", data)
    try:
        pixels = to_array(image)
    except InvalidInput as error:
        fields = {fault.field.removeprefix("image.") for fault in error.faults}
        assert fields <= {"width", "height", "step", "data", "encoding"}
    else:
        assert pixels.shape == (height, width, 3)
        assert pixels.dtype == np.uint8


@pytest.mark.parametrize(
    ("encoding", "size", "step", "surplus", "reads"),
    [
        ("rgb8", (410, 308), 1230, 416 * 320 * 3 - 410 * 308 * 3, False),  # columns, too
        ("rgb8", (1920, 1080), 5760, 8 * 5760, True),  # rows below
        ("rgb8", (410, 308), 1230, 4095, True),  # the rest of a page of memory
        ("nv12", (640, 360), 640, 0, True),
        ("nv12", (640, 360), 640, 12 * 640, False),  # rows between brightness and colours
        ("nv12", (640, 360), 640, 640, True),
    ],
)
def test_data_of_a_larger_image_than_the_size_says(
    encoding: str, size: tuple[int, int], step: int, surplus: int, reads: bool
) -> None:
    """Hardware fills its blocks; what is read with the wrong ones is a skewed picture."""
    rows = round(size[1] * LAYOUTS[encoding].planes)
    image = message(np.zeros((1, rows * step + surplus), np.uint8), size, encoding)
    image.step = step
    if reads:
        assert to_array(image).shape == (size[1], size[0], 3)
    else:
        with pytest.raises(InvalidInput, match=r"image\.data: .* bytes are more than"):
            to_array(image)


def test_depth_of_a_larger_image_than_the_size_says() -> None:
    image = message(np.zeros((320, 832), np.uint8), (410, 308), "16UC1")
    image.step = 820
    with pytest.raises(InvalidInput, match=r"depth\.data: .* bytes are more than 308 rows of 820"):
        to_depth(image)


@pytest.mark.parametrize("encoding", DEPTH)
def test_depth_is_no_picture(encoding: str) -> None:
    with pytest.raises(InvalidInput, match=rf"image\.encoding: '{encoding}' .*not a picture"):
        to_array(message(noise(0, 4, 64), (4, 4), encoding))


BOTH = [name for name in LAYOUTS if name not in GENERIC and name not in PLANAR]


@pytest.mark.skipif(bool(bridge.fault()), reason=f"no cv_bridge to compare with: {bridge.fault()}")
@pytest.mark.parametrize("encoding", BOTH)
def test_the_same_as_cv_bridge(encoding: str) -> None:
    from cv_bridge import CvBridge

    octets = LAYOUTS[encoding].octets
    image = message(noise(3, 12, 16 * octets), (16, 12), encoding)
    try:
        theirs = CvBridge().imgmsg_to_cv2(image, "rgb8")
    except Exception as error:
        pytest.skip(f"this cv_bridge does not know it: {error}")
    tolerance = 1 if octets > 1 and encoding.endswith("16") else 0  # it rounds to 255 steps of 257
    np.testing.assert_allclose(to_array(image).astype(int), theirs.astype(int), atol=tolerance)


def test_opencv_agrees_on_a_picture() -> None:
    picture = cv2.GaussianBlur(noise(5, 32, 48, 3), (0, 0), 4)
    planar = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)
    u, v = planar[32:].reshape(2, 16, 24)
    rows = np.vstack([planar[:32], np.stack([u, v], axis=-1).reshape(16, 48)])
    np.testing.assert_allclose(
        to_array(message(rows, (48, 32), "nv12")).astype(int), picture.astype(int), atol=25
    )
