"""Lays an annotation onto its image: of the size that the file says, with points inside it."""

from __future__ import annotations

from dataclasses import replace

from cape_ros.core.errors import InvalidInput
from cape_ros.studio.formats.reading import ImportedAnnotation

BEYOND = 1.0  # [px] that a point on the border may lie outside: programs round, and count from a
# pixel's corner or its centre


def fit(
    marked: ImportedAnnotation, width: int, height: int, problems: list[str]
) -> ImportedAnnotation:
    """The annotation with its points inside the image; one far outside is a problem and not seen.

    Raises `InvalidInput` for an image of another size, and for one that shows no keypoint.
    """
    if marked.size not in (None, (width, height)):
        stated = "{} x {}".format(*marked.size or ())
        reason = f"is {width} x {height}; the file speaks of {stated}"
        if marked.size == (height, width):  # nobody can tell on which of both the points lie
            reason += ": its program may not turn a photograph as its camera noted (EXIF); save it"
            reason += " upright without that note, and mark it again"
        raise InvalidInput.of(marked.image, reason)
    points = {}
    for name, (x, y) in marked.points.items():
        inside = min(max(x, -0.5), width - 0.5), min(max(y, -0.5), height - 0.5)
        if max(abs(x - inside[0]), abs(y - inside[1])) <= BEYOND:
            points[name] = inside
        else:
            problems.append(f"{marked.image}: {name!r} lies outside the image, at ({x:g}, {y:g})")
    if not points:
        raise InvalidInput.of(marked.image, "shows no keypoint of the object")
    return replace(marked, points=points)
