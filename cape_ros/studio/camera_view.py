"""One result of a camera as a viewer gets it: a header and a picture."""

from __future__ import annotations

import json
import struct
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

from cape_ros.perception.space import ImageInSpace
from cape_ros.server.server import Result
from cape_ros.studio.depth_picture import DepthScale, depth_picture
from cape_ros.studio.image_codec import to_jpeg
from cape_ros.studio.objects_in_space import SpaceAnswer


class Wishes(NamedTuple):
    """What a viewer wants to see. width: of the picture. space: objects in space. depth: the depth
    image in place of the colour image."""

    width: int
    space: bool = False
    depth: bool = False

    @property
    def need_space(self) -> bool:
        """Whether more than the 2-D result has to be computed."""
        return self.space or self.depth


@dataclass(frozen=True, eq=False)
class CameraView:
    """received: as of the frame. fields: of the header. jpeg: the picture."""

    received: float
    fields: dict[str, Any]
    jpeg: bytes

    def packet(self) -> bytes:
        """Length of the header (uint32, little-endian), the header as JSON, the picture."""
        age = round(1e3 * (time.monotonic() - self.received), 1)
        header = json.dumps({**self.fields, "age_ms": age}, allow_nan=False).encode()
        return struct.pack("<I", len(header)) + header + self.jpeg


def in_space(
    result: Result, seen: ImageInSpace | None, wishes: Wishes
) -> tuple[dict[str, Any], bytes]:
    """The fields `space` and `depth` of the header, and the picture.

    seen: of this result; None if nothing of it is known in space.
    """
    answer = None if seen is None else SpaceAnswer.of(seen, result.objects)
    image, width = result.frame.image, wishes.width
    scale: DepthScale | None = None
    depth = None
    if wishes.depth and seen is not None and seen.sight is not None:
        depth = seen.sight.depth_on((image.shape[1], image.shape[0]))
    if depth is not None:
        image, scale = depth_picture(depth, width)
    fields = {
        "space": None if answer is None else answer.model_dump(),
        "depth": None if scale is None else scale.model_dump(),
    }
    return fields, to_jpeg(image, width)
