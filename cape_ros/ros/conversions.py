"""Between ROS messages and what perception works on; an image is viewed, not copied."""

from __future__ import annotations

import array
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import PIL.Image
from sensor_msgs.msg import Image, RegionOfInterest

from cape_ros.errors import Fault, InvalidInput
from cape_ros.msg import Category as CategoryMessage
from cape_ros.msg import CategoryArray, Keypoint, KeypointArray
from cape_ros.msg import ObjectKeypoints as ObjectMessage
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.geometry import Box
from cape_ros.perception.objects import ObjectKeypoints

MOST_PIXELS = 1 << 26
NO_IMAGE = np.empty((0, 0, 3), np.uint8)
CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1, "8UC3": 3, "8UC1": 1}


def to_array(image: Image, field: str = "image") -> np.ndarray:
    """A sensor_msgs/Image as HxWx3 uint8 RGB: a view into the message for rgb8 and bgr8.

    Raises `InvalidInput` for data that does not fit the size, and for an encoding that neither
    this package nor cv_bridge (if it is installed) knows.
    """
    width, height, step = image.width, image.height, image.step
    channels = CHANNELS.get(image.encoding)
    if channels is None:
        return _convert_with_cv_bridge(image, field)
    if not 0 < width * height <= MOST_PIXELS:
        raise InvalidInput.of(f"{field}.width", f"an image of {width} x {height} pixels")
    if step < width * channels:
        raise InvalidInput.of(
            f"{field}.step", f"{step} bytes are fewer than a row of {width} {image.encoding} pixels"
        )
    data = np.frombuffer(image.data, np.uint8)
    if data.size < (height - 1) * step + width * channels:
        raise InvalidInput.of(
            f"{field}.data", f"{data.size} bytes do not hold {height} rows of {step} bytes"
        )
    pixels = np.lib.stride_tricks.as_strided(
        data, (height, width, channels), (step, channels, 1), writeable=False
    )
    if image.encoding in ("bgr8", "8UC3"):
        return pixels[..., ::-1]
    if image.encoding == "bgra8":
        return pixels[..., 2::-1]
    if channels == 1:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    return pixels[..., :3]


def _convert_with_cv_bridge(image: Image, field: str) -> np.ndarray:
    try:
        from cv_bridge import CvBridge
    except ImportError as error:
        raise InvalidInput.of(
            f"{field}.encoding",
            f"{image.encoding!r} is not one of {', '.join(CHANNELS)}; for others cv_bridge is "
            f"needed ({error})",
        ) from None
    try:
        return CvBridge().imgmsg_to_cv2(image, "rgb8")
    except Exception as error:  # CvBridgeError, and whatever NumPy and OpenCV say of wrong sizes
        raise InvalidInput.of(f"{field}.encoding", f"{image.encoding!r}: {error}") from error


def decode(data: Any, field: str) -> np.ndarray:
    """A JPEG or PNG file as HxWx3 uint8 RGB. Raises `InvalidInput`."""
    try:
        with PIL.Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as file:
            width, height = file.size
            if width * height > MOST_PIXELS:
                raise ValueError(f"{width} x {height} pixels are too many")
            file.load()  # the whole file: OpenCV fills up with grey what is cut off
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        return cv2.cvtColor(np.asarray(pixels, np.uint8), cv2.COLOR_BGR2RGB)
    except Exception as error:  # a decoder raises anything, and of nothing but the data
        raise InvalidInput.of(f"{field}.data", f"no whole JPEG or PNG image: {error}") from error


def to_image(pixels: np.ndarray, header: Any) -> Image:
    """HxWx3 uint8 RGB as a sensor_msgs/Image with that header."""
    height, width, _ = pixels.shape
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(pixels))  # type: ignore[arg-type]
    return Image(
        header=header, height=height, width=width, encoding="rgb8", step=width * 3, data=data
    )


def to_region(box: Box) -> RegionOfInterest:
    """The pixels that a box touches; a region begins inside its image, and may reach out of it."""
    x, y, width, height = box
    left, top = max(0, int(np.floor(x))), max(0, int(np.floor(y)))
    return RegionOfInterest(
        x_offset=left,
        y_offset=top,
        width=max(0, int(np.ceil(x + width)) - left),
        height=max(0, int(np.ceil(y + height)) - top),
    )


def to_keypoint_array(
    objects: Sequence[ObjectKeypoints], header: Any, trusted: float
) -> KeypointArray:
    """trusted: from which score on a keypoint is called VISIBLE; below, it is UNKNOWN."""
    return KeypointArray(header=header, objects=[_object(found, trusted) for found in objects])


def _object(found: ObjectKeypoints, trusted: float) -> ObjectMessage:
    return ObjectMessage(
        category=found.category,
        category_version=found.category_version,
        track_id=found.track_id,
        box=to_region(found.box),
        score=found.score,
        keypoints=[
            Keypoint(
                x=x,
                y=y,
                score=score,
                visibility=Keypoint.VISIBLE if score >= trusted else Keypoint.UNKNOWN,
            )
            for (x, y), score in zip(found.keypoints.tolist(), found.scores.tolist(), strict=True)
        ],
    )


def to_category_array(
    categories: Mapping[str, Category], database_version: int, header: Any
) -> CategoryArray:
    return CategoryArray(
        header=header,
        database_version=database_version,
        categories=[
            CategoryMessage(
                name=category.name,
                version=category.version,
                keypoint_names=list(category.keypoint_names),
                edges=[index for edge in category.edges for index in edge],
                shots=len(category.shots),
                active=True,
            )
            for category in categories.values()
        ],
    )


def to_category(request: Any, frame: Callable[[Any], np.ndarray | None]) -> Category:
    """A cape_ros/srv/RegisterCategory request as a category, checked whole.

    frame: the image meant by the stamp of a shot that carries none, None if there is none.
    Raises `InvalidInput` with every fault.
    """
    faults: list[Fault] = []
    shots = []
    for index, shot in enumerate(request.shots):
        try:
            image = _shot_image(shot, f"shots[{index}]", frame)
        except InvalidInput as error:
            faults += error.faults
            image = NO_IMAGE
        shots.append(_shot(shot, image))
    edges = list(map(int, request.edges))
    if len(edges) % 2:
        faults.append(Fault("edges", f"{len(edges)} numbers; give pairs of keypoint indices"))
    try:
        category = Category(
            request.name,
            request.keypoint_names,
            tuple(zip(edges[::2], edges[1::2], strict=False)),
            shots,
        )
    except InvalidInput as error:
        unreadable = {f"shots[{i}].image" for i, shot in enumerate(shots) if not shot.image.size}
        faults += [fault for fault in error.faults if fault.field not in unreadable]
    if faults:
        raise InvalidInput(faults)
    return category


def _shot(shot: Any, image: np.ndarray) -> SupportShot:
    region = shot.box
    box = (region.x_offset, region.y_offset, region.width, region.height)
    return SupportShot(
        image,
        [(keypoint.x, keypoint.y) for keypoint in shot.keypoints],
        [keypoint.visibility != Keypoint.OCCLUDED for keypoint in shot.keypoints],
        box if any(box) else None,
    )


def _shot_image(shot: Any, field: str, frame: Callable[[Any], np.ndarray | None]) -> np.ndarray:
    if shot.image.width or shot.image.height or len(shot.image.data):
        return to_array(shot.image, f"{field}.image")
    if len(shot.compressed.data):
        return decode(shot.compressed.data, f"{field}.compressed")
    if (buffered := frame(shot.stamp)) is not None:
        return buffered
    raise InvalidInput.of(
        f"{field}.stamp", "no image is given, and no camera frame of that stamp is buffered"
    )
