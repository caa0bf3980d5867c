"""Scenes of the demo: an object to register, and frames that show it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cape_ros.core.errors import CapeError
from cape_ros.media import own_input
from cape_ros.media.photographs import photographs
from cape_ros.media.prints import CrossingPrints
from cape_ros.media.sources import LiveCamera, MovingPhotograph, Source, VideoFile
from cape_ros.perception.category import Category, name_like

FRAMES_OF_PHOTOGRAPH = 60
SEEDS = (19, 11, 1, 21)  # each photograph moves its own way, on a cloth that it stands out from
FRAMES_OF_OWN_INPUT = 300
THREE = "three_coffees"  # of one category, which cross each other


@dataclass(frozen=True)
class Scene:
    """remark: what a person should know about what is registered."""

    category: Category
    source: Source
    remark: str = ""

    @property
    def name(self) -> str:
        return self.category.name


def photograph_scenes(frames: int | None) -> list[Scene]:
    """Each photograph, then three prints of one of them, for `frames` frames each. Raises
    `SourceError`."""
    count, known = frames or FRAMES_OF_PHOTOGRAPH, photographs()
    scenes = [
        Scene(category, MovingPhotograph(category, count, seed))
        for category, seed in zip(known, SEEDS, strict=True)
    ]
    cups = replace(known[0], name=THREE)
    return [*scenes, Scene(cups, CrossingPrints(cups, count))]


def own_scene(video: Path | None, camera: int, keypoints: Path | None, frames: int | None) -> Scene:
    """A video file, or a camera by its number. keypoints: an annotation file.

    Raises `InvalidInput`, `SourceError`.
    """
    most = frames or FRAMES_OF_OWN_INPUT
    source = VideoFile(video, most) if video else LiveCamera(camera, most)
    name = name_like(video.stem) if video else "object"
    try:
        if keypoints is not None:
            marked = own_input.annotated(keypoints, source.first, video, name)
        else:
            marked = own_input.corners(source.first, name)
    except CapeError:
        source.close()
        raise
    return Scene(marked[0], source, marked[1])
