"""How objects of one picture are told apart: a colour and a title of each."""

from __future__ import annotations

from collections.abc import Sequence

from cape_ros.perception.objects import ObjectKeypoints

Color = tuple[int, int, int]
# Light, to be read on a dark plate; js/instances.js has the same.
COLORS: Sequence[Color] = (
    *((86, 180, 255), (255, 121, 198), (247, 238, 91), (180, 140, 255)),
    *((155, 229, 100), (255, 166, 87), (94, 242, 230), (241, 245, 249)),
)


def instance_colors(objects: Sequence[ObjectKeypoints]) -> list[Color]:
    """A colour by track ID, without one by the place in the list; up to `len(COLORS)` objects have
    different ones."""
    keys = [each.track_id if each.track_id >= 0 else at for at, each in enumerate(objects)]
    colors: dict[int, Color] = {}
    for at in sorted(range(len(keys)), key=lambda at: (objects[at].track_id < 0, keys[at])):
        order = [COLORS[(keys[at] + step) % len(COLORS)] for step in range(len(COLORS))]
        colors[at] = next((color for color in order if color not in colors.values()), order[0])
    return [colors[at] for at in range(len(keys))]


def instance_title(one: ObjectKeypoints) -> str:
    """Such as `mug 3  0.82`: category, track ID, object score."""
    name = f"{one.category} {one.track_id}" if one.track_id >= 0 else one.category
    return f"{name}  {'predicted' if one.predicted else f'{one.score:.2f}'}"
