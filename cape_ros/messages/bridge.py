"""Optional cv_bridge for encodings that `encodings` lacks; its failures never end the node.

One that was compiled for NumPy 1 ends the process at its first image beside NumPy 2. So its files
are checked before it is imported.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from cape_ros.core.errors import InvalidInput
from cape_ros.messages.encodings import check_size

KNOWN = "rgb8, bgr8, rgba8, bgra8, mono8, as 16 bits, bayer_*, yuv422, yuyv, nv12, nv21, nv24"
NO_PICTURE = re.compile(r"16UC?1?|(8S|16S|32S|32F|64F)(C\d+)?")  # depth, as a rule
NUMPY_1, NUMPY_2 = b"numpy.core", b"numpy._core"  # what an extension asks for the API of NumPy


def convert(image: Any, field: str) -> np.ndarray:
    """A sensor_msgs/Image of an encoding that is not among `LAYOUTS` as [H, W, 3] uint8 RGB.

    Raises `InvalidInput` for depth, and wherever cv_bridge cannot do it.
    """
    where, encoding = f"{field}.encoding", image.encoding
    if NO_PICTURE.fullmatch(encoding):
        raise InvalidInput.of(where, f"{encoding!r} is depth or numbers, not a picture")
    if reason := fault():
        raise InvalidInput.of(where, f"{encoding!r} is not one of {KNOWN}; {reason}")
    check_size(image, field)
    try:
        pixels = np.asarray(_converter().imgmsg_to_cv2(image, "rgb8"))
    except Exception as error:  # its own, and those of NumPy and OpenCV for wrong sizes
        raise InvalidInput.of(where, f"{encoding!r}: cv_bridge says: {error}") from error
    if pixels.shape != (image.height, image.width, 3):  # it makes do with rows too short
        reason = f"{image.step} bytes are fewer than a row of {image.width} {encoding} pixels"
        raise InvalidInput.of(f"{field}.step", reason)
    return pixels


@cache
def fault() -> str:
    """Why there is no cv_bridge to be asked, "" if there is; imports nothing."""
    folder = _folder()
    if folder is None:
        return "for others cv_bridge is needed, which is not installed"
    if int(np.__version__.partition(".")[0]) >= 2 and is_for_numpy_1(folder):
        return (
            f"for others cv_bridge is needed, and the one in {folder} was compiled for NumPy 1: "
            f"beside NumPy {np.__version__} it would crash; pip install 'numpy<2'"
        )
    return ""


def state() -> str:
    """A log line on the support of other encodings; "" where cv_bridge is not installed."""
    folder = _folder()
    if folder is None:
        return ""
    return fault() or f"image encodings besides {KNOWN} go to cv_bridge in {folder}"


def is_for_numpy_1(folder: Path) -> bool:
    """Whether an extension in the folder of a package cannot work with NumPy 2.

    Compiled with the headers of NumPy 2 it works with both, and names its module `numpy._core`.
    """
    contents = (file.read_bytes() for file in folder.rglob("*.so"))
    return any(NUMPY_1 in content and NUMPY_2 not in content for content in contents)


@cache
def _folder() -> Path | None:
    spec = find_spec("cv_bridge")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


@cache
def _converter() -> Any:
    """Raises anything."""
    from cv_bridge import CvBridge

    return CvBridge()
