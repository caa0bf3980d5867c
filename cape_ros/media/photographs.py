"""Four photographs that scikit-image ships, with keypoints marked by hand.

As scikit-image documents: coffee (Rachel Michetti, Pikolo Espresso Bar) and chelsea (Stefan van der
Walt) are CC0, rocket (SpaceX) and astronaut (NASA) in the public domain. Left and right are the
photograph's, not the subject's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cape_ros.core.errors import SourceError
from cape_ros.core.extras import how_to_install
from cape_ros.perception.category import Category, SupportShot


@dataclass(frozen=True)
class Marks:
    """Keypoints of one photograph: name -> (x, y) in its pixels; edges join two names."""

    keypoints: Mapping[str, tuple[float, float]]
    edges: tuple[tuple[str, str], ...]

    def category(self, name: str, image: np.ndarray) -> Category:
        """The category with the image, [H, W, 3] uint8 RGB, as its only shot."""
        names = list(self.keypoints)
        edges = tuple((names.index(start), names.index(end)) for start, end in self.edges)
        shot = SupportShot(image, list(self.keypoints.values()))
        return Category(name, names, edges, (shot,))


COFFEE = Marks(
    {
        "rim_left": (180, 72),
        "rim_right": (398, 74),
        "coffee_edge": (225, 109),
        "spoon_end": (421.5, 75),
        "spoon_neck": (378, 238),
        "spoon_bowl": (360, 324),
        "handle_top": (219, 234),
        "handle_end": (221, 307),
    },
    (
        ("rim_left", "rim_right"),
        ("rim_left", "coffee_edge"),
        ("spoon_end", "spoon_neck"),
        ("spoon_neck", "spoon_bowl"),
        ("rim_left", "handle_top"),
        ("handle_top", "handle_end"),
    ),
)
ROCKET = Marks(
    {
        "nose": (323, 127),
        "emblem": (322.5, 150),
        "mast_left_top": (201, 125),
        "mast_left_shoulder": (190.5, 191.5),
        "mast_right_top": (446, 124),
        "mast_right_shoulder": (456, 193),
        "lamp_left": (193, 395),
        "lamp_right": (364, 397),
    },
    (
        ("nose", "emblem"),
        ("mast_left_top", "mast_left_shoulder"),
        ("mast_right_top", "mast_right_shoulder"),
        ("mast_left_shoulder", "lamp_left"),
        ("lamp_left", "lamp_right"),
    ),
)
CHELSEA = Marks(
    {
        "eye_left_outer": (137, 93),
        "eye_left": (173, 111),
        "eye_left_inner": (207, 145),
        "eye_right_inner": (296, 157),
        "eye_right": (314, 131),
        "eye_right_outer": (341, 112),
        "nose_left": (232, 229),
        "nose_right": (291.5, 234),
        "nose_tip": (258, 264),
    },
    (
        ("eye_left_outer", "eye_left"),
        ("eye_left", "eye_left_inner"),
        ("eye_right_inner", "eye_right"),
        ("eye_right", "eye_right_outer"),
        ("eye_left_inner", "nose_left"),
        ("eye_right_inner", "nose_right"),
        ("nose_left", "nose_tip"),
        ("nose_right", "nose_tip"),
    ),
)
ASTRONAUT = Marks(
    {
        "eye_left": (204, 101),
        "eye_right": (246, 103),
        "mouth_left": (203, 140),
        "mouth_right": (244, 141),
        "collar_latch": (117, 193),
        "clasp": (244.5, 299),
        "patch": (171, 385),
        "tag_corner": (279, 340),
        "buckle": (251, 463),
        "visor_glint": (357, 424),
    },
    (
        ("eye_left", "eye_right"),
        ("eye_left", "mouth_left"),
        ("eye_right", "mouth_right"),
        ("mouth_left", "mouth_right"),
        ("collar_latch", "clasp"),
        ("clasp", "patch"),
        ("clasp", "tag_corner"),
        ("clasp", "buckle"),
        ("tag_corner", "visor_glint"),
    ),
)
PHOTOGRAPHS = {"coffee": COFFEE, "rocket": ROCKET, "chelsea": CHELSEA, "astronaut": ASTRONAUT}


def photographs() -> list[Category]:
    """Each as a category whose one shot is the whole photograph. Raises `SourceError`."""
    try:
        from skimage import data
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "skimage":
            raise
        raise SourceError(
            f"the photographs of the demo come with scikit-image: {how_to_install('demo')}, "
            "or give your own input with --video or --camera"
        ) from error
    return [marks.category(name, getattr(data, name)()) for name, marks in PHOTOGRAPHS.items()]
