"""Annotation files as other programs write them, for tests."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import PIL.Image

from cape_ros.studio.formats.archive import pack, read
from cape_ros.studio.formats.reading import ImportedAnnotation, ImportResult


def picture(seed: int = 0, kind: str = "PNG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def coco(
    images: Mapping[int, str],
    annotations: Sequence[tuple[int, Sequence[float]]],
    names: Sequence[str] = ("rim", "ear"),
    **kind: Any,
) -> dict[str, Any]:
    return {
        "images": [
            {"id": key, "file_name": name, "width": 64, "height": 48}
            for key, name in images.items()
        ],
        "annotations": [
            {"id": number, "image_id": image, "category_id": 1, "keypoints": list(keypoints)}
            for number, (image, keypoints) in enumerate(annotations)
        ],
        "categories": [{"id": 1, "name": "mug", "keypoints": list(names), **kind}],
    }


def labelme(image: str, *shapes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"shapes": list(shapes), "imagePath": image, "imageWidth": 64, "imageHeight": 48} | more


def point(label: str, x: float, y: float, group: int | None = None) -> dict[str, Any]:
    """labelme's (0, 0) is the corner of the image."""
    place = [[x + 0.5, y + 0.5]]
    return {"label": label, "points": place, "group_id": group, "shape_type": "point"}


def rectangle(
    label: str, x1: float, y1: float, x2: float, y2: float, group: int | None = None
) -> dict[str, Any]:
    corners = [[x1, y1], [x2, y2]]
    return {"label": label, "points": corners, "group_id": group, "shape_type": "rectangle"}


def cvat(*shapes: str, image: str = "a.png") -> str:
    return (
        f'<annotations><image id="0" name="{image}" width="64" height="48">'
        f"{''.join(shapes)}</image></annotations>"
    )


def skeleton(label: str, points: Mapping[str, tuple[float, float]], more: str = "") -> str:
    parts = [
        f'<points label="{name}" outside="0" points="{x + 0.5},{y + 0.5}"/>'
        for name, (x, y) in points.items()
    ]
    return f'<skeleton label="{label}" {more}>{"".join(parts)}</skeleton>'


def box(label: str, x1: float, y1: float, x2: float, y2: float, more: str = "") -> str:
    return f'<box label="{label}" xtl="{x1}" ytl="{y1}" xbr="{x2}" ybr="{y2}" {more}/>'


def lone(label: str, x: float, y: float, more: str = "") -> str:
    return f'<points label="{label}" points="{x + 0.5},{y + 0.5}" {more}/>'


def read_zip(files: Mapping[str, bytes | str | dict[str, Any]]) -> ImportResult:
    return read(pack({name: _encoded(content) for name, content in files.items()}))


def only(reading: ImportResult) -> ImportedAnnotation:
    (marked,) = reading.marked
    return marked


def _encoded(content: bytes | str | dict[str, Any]) -> bytes:
    if isinstance(content, dict):
        content = json.dumps(content)
    return content.encode() if isinstance(content, str) else content
