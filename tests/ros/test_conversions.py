from __future__ import annotations

import array
import io
from collections.abc import Callable
from typing import Any

import cv2
import dds  # noqa: F401  # before the message packages
import numpy as np
import PIL.Image
import pytest
from builtin_interfaces.msg import Time
from hypothesis import given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from cape_ros.core.errors import InvalidInput
from cape_ros.messages import images
from cape_ros.messages.images import read_image
from cape_ros.msg import Keypoint, SupportShot
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.ros import conversions
from cape_ros.srv import RegisterCategory

RGB = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)


def message(pixels: np.ndarray, encoding: str, pad: int = 0) -> Image:
    rows = pixels.reshape(len(pixels), -1)
    rows = np.pad(rows, ((0, 0), (0, pad)))
    data = array.array("B")
    data.frombytes(rows.tobytes())
    return Image(
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        step=rows.shape[1],
        data=data,
    )


@pytest.mark.parametrize("pad", [0, 3])
@pytest.mark.parametrize(
    ("encoding", "convert"),
    [
        ("rgb8", None),
        ("bgr8", cv2.COLOR_RGB2BGR),
        ("8UC3", cv2.COLOR_RGB2BGR),
        ("rgba8", cv2.COLOR_RGB2RGBA),
        ("bgra8", cv2.COLOR_RGB2BGRA),
    ],
)
def test_colour_encodings(encoding: str, convert: int | None, pad: int) -> None:
    pixels = RGB if convert is None else cv2.cvtColor(RGB, convert)
    assert np.array_equal(images.to_array(message(pixels, encoding, pad)), RGB)


def test_grey_becomes_rgb() -> None:
    found = images.to_array(message(RGB[..., 0], "mono8"))
    assert np.array_equal(found, np.repeat(RGB[..., :1], 3, axis=2))


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
def test_an_image_is_viewed_not_copied(encoding: str) -> None:
    image = message(RGB, encoding)
    assert np.shares_memory(images.to_array(image), np.frombuffer(image.data, np.uint8))


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    seed=st.integers(0, 99),
    stamp=st.integers(0, 9),
)
@settings(max_examples=25, deadline=None)
def test_out_and_back(height: int, width: int, seed: int, stamp: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    header = Header(stamp=Time(sec=stamp), frame_id="camera")
    image = conversions.to_image(pixels, header)
    assert image.header == header
    assert np.array_equal(images.to_array(image), pixels)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"width": 0}, "image.width"),
        ({"height": 0}, "image.width"),
        ({"height": 7}, "image.data"),
        ({"width": 50}, "image.step"),
        ({"data": array.array("B")}, "image.data"),
        ({"width": 1 << 20, "height": 1 << 20}, "image.width"),
    ],
)
def test_damaged_images_name_the_field(change: dict[str, Any], field: str) -> None:
    image = message(RGB, "rgb8")
    for name, value in change.items():
        setattr(image, name, value)
    with pytest.raises(InvalidInput) as error:
        images.to_array(image)
    assert error.value.faults[0].field == field


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(InvalidInput, match="'jpeg2000'"):
        images.to_array(message(RGB, "jpeg2000"))


def read_or_faults(read: Callable[..., Any], *arguments: Any) -> tuple[Any, list[str]]:
    """What is read, or None and the fields at fault; any other exception is one too many."""
    try:
        return read(*arguments), []
    except InvalidInput as error:
        return None, [fault.field for fault in error.faults]


UINT32 = st.one_of(st.integers(0, 6), st.integers(0, 2**32 - 1))


def encoded(format: str, size: tuple[int, int] = (16, 12)) -> bytes:
    file = io.BytesIO()
    PIL.Image.new("RGB", size, (200, 30, 90)).save(file, format)
    return file.getvalue()


def read(data: bytes, format: str = "", fast: bool = False) -> np.ndarray:
    message = CompressedImage(format=format, data=array.array("B", data))
    return read_image(message, "compressed", fast)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_compressed_image_is_taken_whole_or_not_at_all(format: str) -> None:
    data = encoded(format)
    assert read(data).shape == (12, 16, 3)
    for length in (0, 1, 10, len(data) // 2, len(data) * 9 // 10):
        with pytest.raises(InvalidInput, match=r"compressed\.data"):
            read(data[:length])


@given(st.sampled_from(["JPEG", "PNG"]), st.data())
@settings(deadline=None)
def test_a_damaged_compressed_image_is_refused_or_read(format: str, draw: st.DataObject) -> None:
    data = bytearray(encoded(format))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    pixels, fields = read_or_faults(read, bytes(data))
    if pixels is None:
        assert fields == ["compressed.data"]
    else:
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_what_is_no_compressed_image_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"compressed\.data"):
        read(data)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(9000, 9000), (40000, 3000)])
def test_a_bomb_is_not_unpacked(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    PIL.Image.new("1", size).save(file, "PNG")
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(InvalidInput, match="pixels"):
        read(file.getvalue())


def test_results_keep_every_keypoint_in_order() -> None:
    found = ObjectKeypoints(
        "cup",
        3,
        (-4.5, 2.2, 10, 10),
        np.array([(1, 2), (3, 4), (5, 6)], np.float32),
        np.array([0.9, 0.1, 0.5], np.float32),
        np.array([0.8, 0.0, 0.1], np.float32),
        ("rim", "handle", "foot"),
        track_id=4,
    )
    header = Header(frame_id="camera")
    answer = conversions.to_keypoint_array([found], header, size=(480, 640), trusted=0.4)
    (item,) = answer.objects
    assert answer.header == header
    assert (answer.image_width, answer.image_height) == (640, 480)
    assert item.keypoint_names == ["rim", "handle", "foot"]
    assert (item.category, item.category_version, item.track_id) == ("cup", 3, 4)
    assert item.score == pytest.approx(0.3)
    assert [(k.x, k.y) for k in item.keypoints] == [(1, 2), (3, 4), (5, 6)]
    assert [k.visibility for k in item.keypoints] == [
        Keypoint.VISIBLE,
        Keypoint.UNKNOWN,
        Keypoint.VISIBLE,
    ]
    assert item.box == RegionOfInterest(x_offset=0, y_offset=2, width=6, height=11)


def request(**change: Any) -> RegisterCategory.Request:
    keypoints = [
        Keypoint(x=1.0, y=1.0, visibility=Keypoint.VISIBLE),
        Keypoint(x=3.0, y=4.0),
        Keypoint(visibility=Keypoint.OCCLUDED),
    ]
    values: dict[str, Any] = {
        "name": "cup",
        "keypoint_names": ["a", "b", "c"],
        "edges": [0, 1, 1, 2],
        "shots": [SupportShot(image=message(RGB, "rgb8"), keypoints=keypoints)],
    }
    return RegisterCategory.Request(**(values | change))


def no_frame(stamp: Time, camera: str) -> Image:
    raise InvalidInput.of("stamp", "it is gone")


def test_a_registration_becomes_a_category() -> None:
    category = conversions.to_category(request(), no_frame)
    assert category.name == "cup"
    assert list(category.edges) == [(0, 1), (1, 2)]
    (shot,) = category.shots
    assert np.array_equal(shot.image, RGB)
    assert shot.visible.tolist() == [True, True, False]


def test_a_shot_may_be_compressed_or_a_frame_that_went_by() -> None:
    png = cv2.imencode(".png", cv2.cvtColor(RGB, cv2.COLOR_RGB2BGR))[1].tobytes()
    keypoints = request().shots[0].keypoints
    shots = [
        SupportShot(compressed=CompressedImage(format="png", data=png), keypoints=keypoints),
        SupportShot(stamp=Time(sec=5), camera="left", keypoints=keypoints),
    ]
    frames = {(5, "left"): message(RGB, "rgb8")}
    category = conversions.to_category(
        request(shots=shots), lambda stamp, camera: frames[stamp.sec, camera]
    )
    assert all(np.array_equal(shot.image, RGB) for shot in category.shots)
    with pytest.raises(InvalidInput, match=r"shots\[1\].stamp"):
        conversions.to_category(request(shots=shots), no_frame)


def test_every_fault_is_in_one_answer() -> None:
    keypoints = [Keypoint(x=float("nan")), Keypoint(x=99.0), Keypoint(x=1.0, y=1.0)]
    shots = [
        SupportShot(image=message(RGB, "what"), keypoints=keypoints),
        SupportShot(
            image=message(RGB, "rgb8"),
            keypoints=keypoints,
            box=RegionOfInterest(x_offset=50, y_offset=50, width=2, height=2),
        ),
    ]
    with pytest.raises(InvalidInput) as error:
        conversions.to_category(
            request(name="../cup", keypoint_names=["a", "a", "c"], edges=[0, 7, 1], shots=shots),
            no_frame,
        )
    fields = {fault.field for fault in error.value.faults}
    assert fields >= {
        "name",
        "keypoint_names[1]",
        "edges",
        "edges[0]",
        "shots[0].image.encoding",
        "shots[1].keypoints[0]",
        "shots[1].keypoints[1]",
        "shots[1].box",
    }
    assert "shots[0].image" not in fields


FLOAT32 = st.one_of(
    st.floats(-(2.0**127), 2.0**127, width=32),
    st.sampled_from([float("nan"), float("inf"), float("-inf")]),
)
UINT8, UINT16 = st.integers(0, 255), st.integers(0, 2**16 - 1)
REGION = ("x_offset", "y_offset", "width", "height")


@given(
    name=st.text(max_size=8),
    names=st.lists(st.text(max_size=3), max_size=4),
    edges=st.lists(st.one_of(st.integers(0, 3), UINT16), max_size=6),
    shots=st.lists(
        st.builds(
            SupportShot,
            image=st.sampled_from([message(RGB, "rgb8"), message(RGB, "what"), Image()]),
            compressed=st.builds(CompressedImage, data=st.binary(max_size=8)),
            box=st.builds(RegionOfInterest, **dict.fromkeys(REGION, UINT32)),
            keypoints=st.lists(
                st.builds(Keypoint, x=FLOAT32, y=FLOAT32, score=FLOAT32, visibility=UINT8),
                max_size=4,
            ),
        ),
        max_size=2,
    ),
)
@settings(deadline=None)
def test_any_registration_is_taken_or_refused(
    name: str, names: list[str], edges: list[int], shots: list[SupportShot]
) -> None:
    anything = RegisterCategory.Request(name=name, keypoint_names=names, edges=edges, shots=shots)
    category, fields = read_or_faults(conversions.to_category, anything, no_frame)
    if category is None:
        assert all(fields)
        return
    assert len(category.shots) == len(shots)
    for shot in category.shots:
        assert np.isfinite(shot.keypoints).all()
        assert len(shot.keypoints) == len(names)
