"""The table of the node's parameters: type, default, range, meaning, and when each may change."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Value = str | bool | int | float | list[str] | list[int]

LIVE = "at any time"
UNCONFIGURED = "before configure"
START = "at the start"
ALL = "*"  # of active_categories: every one, also those registered later
RANDOM = "random"  # of studio.token
OFF = "off"  # YAML reads it as false

CAMERA = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
TYPES = {bool: "bool", int: "int", float: "double", str: "string"}


@dataclass(frozen=True)
class ParameterSpec:
    """One parameter.

    when: when it may change. camera: each named camera has one of its own besides. least, most: of
    a number; choices: all that a text may be; rule: what is wrong with a value, for what those
    cannot say; range: that rule in words. empty: whether a text may be.
    """

    name: str
    default: Value
    description: str
    when: str = UNCONFIGURED
    camera: bool = False
    least: float = 0.0
    most: float = 0.0
    choices: tuple[str, ...] = ()
    rule: Callable[[Any], str | None] = lambda value: None
    range: str = ""
    empty: bool = False

    def __post_init__(self) -> None:
        if self.choices:
            object.__setattr__(self, "range", ", ".join(self.choices))
        elif self.bounded:
            object.__setattr__(self, "range", f"{self.least:g} to {self.most:g}")

    @property
    def bounded(self) -> bool:
        return self.least != self.most

    @property
    def type(self) -> str:
        """The name of the type in ROS 2, such as `string[]`."""
        if isinstance(self.default, list):
            return TYPES[type(self.default[0])] + "[]"
        return TYPES[type(self.default)]

    @property
    def example(self) -> str:
        """The default as it is written on a command line."""
        return json.dumps(self.default)

    def read(self, value: Any) -> Any:
        """A value of rclpy as this table has it: lists for arrays, and "off" for false where that
        is a choice."""
        if value is False and OFF in self.choices:
            return OFF
        return value if isinstance(value, (str, int, float)) else list(value)

    def fault(self, value: Any) -> str | None:
        """Why `value`, of the right type, cannot be used; None if it can."""
        if value == "" and not self.empty:
            return "is empty"
        if self.choices and value not in self.choices:
            return f"{value!r} is not one of {', '.join(self.choices)}"
        if self.bounded and not value >= self.least:  # nor is NaN
            return f"{value} is not {self.least:g} or more"
        if self.bounded and not value <= self.most:
            return f"{value} is more than {self.most:g}"
        return self.rule(value)


def _cameras(names: list[str]) -> str | None:
    if names == [""]:
        return None
    if not names:
        return 'is empty; give [""] for one camera without a name'
    for name in names:
        if not CAMERA.fullmatch(name):
            return f"{name!r} is no name of a camera: letters, digits and _, a letter first"
        if names.count(name) > 1:
            return f"{name!r} is there twice"
    return None


def _region(box: list[int]) -> str | None:
    if len(box) != 4:
        return f"{box} is not [x, y, width, height]"
    if any(box) and (min(box[:2]) < 0 or min(box[2:]) < 2):
        return f"{box}: x and y are not negative, width and height at least 2 pixels"
    return None


def _class_categories(pairs: list[str]) -> str | None:
    for pair in filter(None, pairs):
        class_id, _, category = pair.rpartition(":")
        if not class_id or not category:
            return f"{pair!r} is not class:category"
    return None


PARAMETERS = (
    ParameterSpec("weights", "shipped", "A file, or a name that `cape lab weights list` shows."),
    ParameterSpec(
        "device", "auto", "auto (CUDA if there is a GPU), cpu, openvino, cuda, cuda:1, ..."
    ),
    ParameterSpec(
        "precision",
        "float32",
        "Number format of the network; float16 needs a GPU and halves the time of a frame there.",
        choices=("float32", "float16", "bfloat16"),
    ),
    ParameterSpec(
        "library",
        "~/.local/share/cape_ros/library",
        "Folder that keeps the registered categories over restarts.",
    ),
    ParameterSpec(
        "autostart",
        True,
        "Configure and activate at the start; false leaves both to `ros2 lifecycle set`.",
        when=START,
    ),
    ParameterSpec(
        "cameras",
        [""],
        'Names of the cameras, which share one model; [""] is one camera, with topics as `~/image`'
        ", while [left, right] have `~/left/image` and so on.",
        when=START,
        rule=_cameras,
        range="letters, digits, _",
    ),
    ParameterSpec(
        "image_transport",
        "raw",
        "Messages of the camera: Image on `~/image`, or CompressedImage on `~/image/compressed`.",
        camera=True,
        choices=("raw", "compressed"),
    ),
    ParameterSpec(
        "image_reliability",
        "best_effort",
        "Reliability of the image subscription; best_effort is compatible with every camera.",
        when=START,  # rclpy declares the QoS once, as qos_overrides
        camera=True,
        choices=("best_effort", "reliable"),
    ),
    ParameterSpec(
        "image_depth",
        1,
        "Queue depth of the image subscription; values above 1 only add latency.",
        when=START,  # rclpy declares the QoS once, as qos_overrides
        camera=True,
        least=1,
        most=100,
    ),
    ParameterSpec(
        "image_rectified",
        False,
        "Whether the images are rectified: then markers follow P of the camera_info, else K and D.",
        camera=True,
    ),
    ParameterSpec(
        "warm_up_size",
        [1280, 720],
        "Width and height of the images that configure warms up for, in pixels.",
        rule=lambda size: (
            None
            if len(size) == 2 and min(size) >= 3 and max(size) <= 8192
            else f"{size} is not [width, height], 3 to 8192 pixels each"
        ),
        range="3 to 8192",
    ),
    ParameterSpec(
        "boxes",
        "search",
        "Where objects are searched: in the whole image, and then followed; in `region`; or in the "
        "boxes on `~/detections_in`.",
        camera=True,
        choices=("search", "region", "detections"),
    ),
    ParameterSpec(
        "region",
        [0, 0, 0, 0],
        "x, y, width, height in pixels of the box that holds the object, for boxes: region.",
        when=LIVE,
        camera=True,
        rule=_region,
        range="inside the image",
    ),
    ParameterSpec(
        "detections_tolerance",
        0.02,
        "Maximum difference in seconds between the stamps of boxes and their image.",
        when=LIVE,
        camera=True,
        least=0.0,
        most=10.0,
    ),
    ParameterSpec(
        "detections_wait",
        10,
        "Maximum number of images waiting for their detections; when full, the oldest is dropped.",
        camera=True,
        least=1,
        most=100,
    ),
    ParameterSpec(
        "depth_transport",
        "raw",
        "Messages of the depth camera: Image on `~/depth`, or CompressedImage on "
        "`~/depth/compressedDepth`.",
        camera=True,
        choices=("raw", "compressedDepth"),
    ),
    ParameterSpec(
        "depth_tolerance",
        0.02,
        "Maximum difference in seconds between the stamps of a depth image and its image.",
        when=LIVE,
        camera=True,
        least=0.0,
        most=10.0,
    ),
    ParameterSpec(
        "depth_wait",
        0.1,
        "Seconds that the 3-D result of an image waits for its depth image, and for TF; the 2-D "
        "result never waits.",
        when=LIVE,
        camera=True,
        least=0.0,
        most=10.0,
    ),
    ParameterSpec(
        "target_frame",
        "",
        "Frame of the 3-D results, by TF at the image's stamp. It does not move and its z points "
        "up, as that of a robot's base; poses of tracked objects are filtered in it. Empty is the "
        "camera's optical frame.",
        when=LIVE,
        range="a frame of TF, or empty",
        empty=True,
    ),
    ParameterSpec(
        "publish_tf",
        True,
        "Whether objects whose category has a shape or frames are published on /tf, as "
        "`CATEGORY_TRACK` and `CATEGORY_TRACK/FRAME`.",
        when=LIVE,
    ),
    ParameterSpec(
        "frame_prefix",
        "",
        "Before the names of the objects' frames in TF, such as `left_arm/`; what TF does not "
        "allow becomes _.",
        when=LIVE,
        range="text, or empty",
        empty=True,
    ),
    ParameterSpec(
        "class_categories",
        [""],
        "Which class of a detector is which category: [cup:mug, 47:apple]; a class that is not "
        "listed is the category of the same name.",
        when=LIVE,
        camera=True,
        rule=_class_categories,
        range="class:category",
    ),
    ParameterSpec(
        "active_categories",
        [ALL],
        'Categories to search; ["*"] is all, also those registered later, [""] none.',
        when=LIVE,
        camera=True,
        range="registered names",
    ),
    ParameterSpec(
        "trusted_point",
        0.3,
        "Score from which a keypoint is VISIBLE, and match from which it helps to follow its "
        "object.",
        when=LIVE,
        least=0.0,
        most=1.0,
    ),
    ParameterSpec(
        "found_object",
        0.35,
        "Object score from which a searched object counts as found.",
        when=LIVE,
        least=0.0,
        most=1.0,
    ),
    ParameterSpec(
        "kept_object",
        0.25,
        "Object score below which a followed object counts as lost.",
        when=LIVE,
        least=0.0,
        most=1.0,
    ),
    ParameterSpec(
        "max_instances",
        8,
        "Most objects of one category that are tracked at once on one camera.",
        when=LIVE,
        least=1,
        most=32,
    ),
    ParameterSpec(
        "smoothing",
        1.0,
        "Smoothing of tracked keypoints: 0 is none, 1 stills the noise of a good image, more that "
        "of a noisier one. `~/keypoints_raw` is never smoothed.",
        when=LIVE,
        least=0.0,
        most=10.0,
    ),
    ParameterSpec(
        "prediction_time",
        0.5,
        "Seconds for which an object that is hidden is published where its motion takes it.",
        when=LIVE,
        least=0.0,
        most=10.0,
    ),
    ParameterSpec(
        "reidentification_time",
        5.0,
        "Seconds within which an object that is found again keeps its track_id.",
        when=LIVE,
        least=0.0,
        most=600.0,
    ),
    ParameterSpec(
        "auto_shots",
        False,
        "Whether views of a tracked object from other sides become shots of its category; "
        "else `~/suggest_shots` offers them.",
        when=LIVE,
    ),
    ParameterSpec(
        "overlay",
        "keypoints",
        "What `~/overlay` shows: the keypoints on the image, the support images beside it as well, "
        "or nothing.",
        when=LIVE,
        choices=("keypoints", "support", OFF),
    ),
    ParameterSpec(
        "jpeg_quality",
        80,
        "JPEG quality of `~/overlay/compressed`.",
        when=LIVE,
        least=1,
        most=100,
    ),
    ParameterSpec(
        "studio.enable",
        False,
        "Serve Studio: a web page to watch the cameras, mark keypoints and register categories.",
    ),
    ParameterSpec(
        "studio.host",
        "127.0.0.1",
        "Where Studio listens: 127.0.0.1 is this machine only, 0.0.0.0 every network.",
    ),
    ParameterSpec(
        "studio.port",
        8765,
        "Port of Studio; 0 is any free port, printed in the log.",
        least=0,
        most=65535,
    ),
    ParameterSpec(
        "studio.token",
        RANDOM,
        "Access token. `random`: none on 127.0.0.1, otherwise a new token at each configure, "
        "printed in the log.",
    ),
)
