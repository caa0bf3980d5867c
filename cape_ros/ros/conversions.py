"""Between ROS messages and what perception works on; an image is viewed, not copied."""

from __future__ import annotations

import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.msg import Category as CategoryMessage
from cape_ros.msg import CategoryArray, Keypoint, KeypointArray
from cape_ros.msg import ObjectKeypoints as ObjectMessage
from cape_ros.msg import SupportShot as ShotMessage
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.geometry import Box
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.ros import bridge, compressed
from cape_ros.ros.encodings import LAYOUTS, to_rgb

NO_IMAGE = np.empty((0, 0, 3), np.uint8)
Find = Callable[[Any, str], Image | CompressedImage]


def to_array(image: Image, field: str = "image") -> np.ndarray:
    """A sensor_msgs/Image as HxWx3 uint8 RGB: a view into the message for rgb8 and bgr8.

    Raises `InvalidInput` for data that does not fit the size, for what is no picture, and for an
    encoding that neither this package nor cv_bridge (if it is installed) knows.
    """
    layout = LAYOUTS.get(image.encoding)
    if layout is None:
        return bridge.convert(image, field)
    return to_rgb(image, layout, field)


def read_image(
    message: Image | CompressedImage, field: str = "image", fast: bool = False
) -> np.ndarray:
    """An image message of either kind as HxWx3 uint8 RGB. Raises `InvalidInput`.

    fast: for a camera's frames; a compressed image that ends as a file does is taken for whole.
    """
    if isinstance(message, Image):
        return to_array(message, field)
    return compressed.to_rgb(message, field, fast)


def to_compressed(pixels: np.ndarray, header: Any, quality: int) -> CompressedImage:
    """HxWx3 uint8 RGB as a JPEG in a sensor_msgs/CompressedImage."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)[1]
    return CompressedImage(header=header, format="jpeg", data=_octets(encoded))


def _octets(content: np.ndarray) -> array.array:
    """What a field uint8[] takes without looking at every element."""
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(content))  # type: ignore[arg-type]
    return data


def to_image(pixels: np.ndarray, header: Any) -> Image:
    """HxWx3 uint8 RGB as a sensor_msgs/Image with that header."""
    height, width, _ = pixels.shape
    data = _octets(pixels)
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
    objects: Sequence[ObjectKeypoints], header: Any, size: tuple[int, int], trusted: float
) -> KeypointArray:
    """size: (height, width) of the image. trusted: from which score on a keypoint is called
    VISIBLE; below, it is UNKNOWN."""
    height, width = size
    return KeypointArray(
        header=header,
        objects=[_object(found, trusted) for found in objects],
        image_width=width,
        image_height=height,
    )


def _object(found: ObjectKeypoints, trusted: float) -> ObjectMessage:
    return ObjectMessage(
        category=found.category,
        category_version=found.category_version,
        track_id=found.track_id,
        detection_id=found.detection_id,
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
        keypoint_names=list(found.keypoint_names),
    )


def to_category_array(
    categories: Mapping[str, Category],
    database_version: int,
    header: Any,
    is_active: Callable[[str], bool],
) -> CategoryArray:
    return CategoryArray(
        header=header,
        database_version=database_version,
        categories=[
            to_category_message(category, is_active(category.name))
            for category in categories.values()
        ],
    )


def to_category_message(category: Category, active: bool) -> CategoryMessage:
    return CategoryMessage(
        name=category.name,
        version=category.version,
        keypoint_names=list(category.keypoint_names),
        edges=[index for edge in category.edges for index in edge],
        shots=len(category.shots),
        active=active,
    )


def to_shot(shot: SupportShot) -> ShotMessage:
    """As it was registered: the image as PNG, so that nothing is lost."""
    encoded = cv2.imencode(".png", cv2.cvtColor(shot.image, cv2.COLOR_RGB2BGR))[1]
    return ShotMessage(
        compressed=CompressedImage(format="png", data=_octets(encoded)),
        box=to_region(shot.box),
        keypoints=[
            Keypoint(x=x, y=y, visibility=Keypoint.VISIBLE if seen else Keypoint.OCCLUDED)
            for (x, y), seen in zip(shot.keypoints.tolist(), shot.visible.tolist(), strict=True)
        ],
    )


def to_category(request: Any, find: Find) -> Category:
    """A cape_ros/srv/RegisterCategory request as a category, checked whole.

    find: the message meant by the stamp and the camera of a shot that carries none. Raises
    `InvalidInput` with every fault.
    """
    faults: list[Fault] = []
    shots = []
    for index, shot in enumerate(request.shots):
        try:
            image = read_image(*given_message(shot, find, f"shots[{index}]."))
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


def given_message(given: Any, find: Find, prefix: str = "") -> tuple[Image | CompressedImage, str]:
    """The image of a SupportShot or an Estimate request, its own or the frame of its stamp.

    find: raises `InvalidInput` if there is no such frame. prefix: before the names of its fields.
    Returns the name of the field, too. Raises `InvalidInput`.
    """
    if given.image.width or given.image.height or len(given.image.data):
        return given.image, f"{prefix}image"
    if len(given.compressed.data):
        return given.compressed, f"{prefix}compressed"
    try:
        return find(given.stamp, given.camera), f"{prefix}stamp"
    except InvalidInput as error:
        faults = [Fault(f"{prefix}{fault.field}", fault.reason) for fault in error.faults]
        raise InvalidInput(faults) from None


def header_of_now(node: Node) -> Header:
    """For what no image belongs to."""
    return Header(stamp=node.get_clock().now().to_msg())
