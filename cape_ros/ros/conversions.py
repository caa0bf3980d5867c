"""Converts between ROS messages and arrays; an image is viewed, not copied."""

from __future__ import annotations

import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.core.plurals import counted
from cape_ros.messages.images import read_image, to_jpeg
from cape_ros.messages.results import ResultClasses
from cape_ros.msg import Category as CategoryMessage
from cape_ros.msg import CategoryArray, Keypoint, KeypointArray
from cape_ros.msg import ObjectKeypoints as ObjectMessage
from cape_ros.msg import SupportShot as ShotMessage
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.spatial import CameraModel, DepthImage, FrameDefinition, Shape
from cape_ros.ros.shape_messages import (
    to_camera_info,
    to_frame_messages,
    to_frames,
    to_points,
    to_shape,
)

NO_IMAGE = np.empty((0, 0, 3), np.uint8)
Seen = tuple[CameraModel | None, DepthImage | None]
See = Callable[[Any, Any, tuple[int, int], str], Seen]
Find = Callable[[Any, str], Image | CompressedImage]
_results = ResultClasses(KeypointArray, ObjectMessage, Keypoint, RegionOfInterest)
to_keypoint_array, to_region = _results.to_keypoint_array, _results.to_region


def to_compressed(pixels: np.ndarray, header: Any, quality: int) -> CompressedImage:
    """HxWx3 uint8 RGB as a JPEG in a sensor_msgs/CompressedImage."""
    return CompressedImage(header=header, format="jpeg", data=octets(to_jpeg(pixels, quality)))


def octets(content: np.ndarray) -> array.array[int]:
    """An array that a field uint8[] takes without a check of every element."""
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(content))  # type: ignore[arg-type]
    return data


def to_image(pixels: np.ndarray, header: Any) -> Image:
    """HxWx3 uint8 RGB as a sensor_msgs/Image with that header."""
    height, width, _ = pixels.shape
    data = octets(pixels)
    return Image(
        header=header, height=height, width=width, encoding="rgb8", step=width * 3, data=data
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
        symmetries=[index for symmetry in category.symmetries for index in symmetry],
        keypoints_3d=to_points(category.shape),
        frames=to_frame_messages(category),
    )


def to_shot(shot: SupportShot) -> ShotMessage:
    """The message of a shot, with its image as a lossless PNG."""
    size = shot.image.shape[1], shot.image.shape[0]
    encoded = cv2.imencode(".png", cv2.cvtColor(shot.image, cv2.COLOR_RGB2BGR))[1]
    return ShotMessage(
        compressed=CompressedImage(format="png", data=octets(encoded)),
        box=to_region(shot.box),
        keypoints=[
            Keypoint(x=x, y=y, visibility=Keypoint.VISIBLE if seen else Keypoint.OCCLUDED)
            for (x, y), seen in zip(shot.keypoints.tolist(), shot.visible.tolist(), strict=True)
        ],
        automatic=shot.automatic,
        camera_info=CameraInfo() if shot.camera is None else to_camera_info(shot.camera, size),
    )


def to_category(request: Any, find: Find, see: See = lambda *_: (None, None)) -> Category:
    """A cape_ros/srv/RegisterCategory request as a category, checked whole.

    find: the message meant by the stamp and the camera of a shot that carries none. see: the
    calibration and the depth of a shot, of its image's message, its size (width, height) and the
    prefix of its fields. Raises `InvalidInput` with every fault.
    """
    faults: list[Fault] = []
    shots = []
    for index, shot in enumerate(request.shots):
        image = NO_IMAGE
        seen: Seen = None, None
        try:
            prefix = f"shots[{index}]."
            message, field = given_message(shot, find, prefix)
            image = read_image(message, field)
            seen = see(shot, message, image.shape[1::-1], prefix)
        except InvalidInput as error:
            faults += error.faults
        shots.append(_shot(shot, image, *seen))
    count = len(request.keypoint_names)
    shape: Shape | None = None
    frames: Sequence[FrameDefinition] = ()
    try:
        shape = to_shape(request.keypoints_3d, count)
    except InvalidInput as error:
        faults += error.faults
    try:
        frames = to_frames(request.frames, request.keypoint_names)
    except InvalidInput as error:
        faults += error.faults
    edges = list(map(int, request.edges))
    if len(edges) % 2:
        faults.append(
            Fault("edges", f"{counted(len(edges), 'number')}; give pairs of keypoint indices")
        )
    order = list(map(int, request.symmetries))
    if count and len(order) % count:
        reason = f"{counted(len(order), 'number')}; give one for each of {count} keypoints, or more"
        faults.append(Fault("symmetries", f"{reason} such permutations"))
    try:
        category = Category(
            request.name,
            request.keypoint_names,
            tuple(zip(edges[::2], edges[1::2], strict=False)),
            shots,
            symmetries=[]
            if not count or len(order) % count
            else [order[at : at + count] for at in range(0, len(order), count)],
            shape=shape,
            frames=frames,
        )
    except InvalidInput as error:
        unreadable = {f"shots[{i}].image" for i, shot in enumerate(shots) if not shot.image.size}
        faults += [fault for fault in error.faults if fault.field not in unreadable]
    if faults:
        raise InvalidInput(faults)
    return category


def _shot(
    shot: Any, image: np.ndarray, camera: CameraModel | None, depth: DepthImage | None
) -> SupportShot:
    region = shot.box
    box = (region.x_offset, region.y_offset, region.width, region.height)
    return SupportShot(
        image,
        [(keypoint.x, keypoint.y) for keypoint in shot.keypoints],
        [keypoint.visibility != Keypoint.OCCLUDED for keypoint in shot.keypoints],
        box if any(box) else None,
        shot.automatic,
        camera,
        depth,
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
    """A header with the current time, for messages without an image."""
    return Header(stamp=node.get_clock().now().to_msg())
