"""Requests and answers about images, videos and cameras, and what is found in them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from cape_ros.studio.api.category_schemas import CategoryBody
from cape_ros.studio.api.schemas import BoxBody, FoundObject, Strict


class ImageAnswer(BaseModel):
    """dropped: IDs of older images and videos that are not kept any more, to make room."""

    image: str
    width: int
    height: int
    dropped: list[str]


class VideoAnswer(BaseModel):
    """Its frames are images: `{video}.0`, `{video}.1`, ... dropped: as of an image."""

    video: str
    dropped: list[str]
    frames: int
    fps: float
    width: int
    height: int


class CameraAnswer(BaseModel):
    """width, height: null before the first frame. rate: results a second. unwatched_s: seconds
    since the last viewer left, null if there never was one."""

    camera: str
    width: int | None
    height: int | None
    received: int
    answered: int
    dropped: int
    rate: float
    viewers: int
    unwatched_s: float | None
    active: list[str]


class FreezeBody(Strict):
    camera: str = ""


class FrozenAnswer(ImageAnswer):
    camera: str
    stamp_ns: int
    objects: list[FoundObject]


class EstimateBody(Strict):
    """category: a registered one, or draft: one that is not yet. box: null = search. shots:
    indices; null = all."""

    image: str
    category: str | None = None
    draft: CategoryBody | None = None
    box: BoxBody | None = None
    shots: list[int] | None = Field(default=None, max_length=1000)


class EstimateAnswer(BaseModel):
    object: FoundObject
    took_ms: float


class InspectBody(Strict):
    image: str
    category: str
    box: BoxBody | None = None
    keypoint: int


class Point(BaseModel):
    x: float
    y: float


class InspectAnswer(BaseModel):
    """Pictures of the crop's size as data URLs; the maps lie over the crop, which shows crop_box of
    the image."""

    crop: str
    similarity: str
    encoder: str
    decoder: str
    proposal: Point
    point: Point
    box: BoxBody
    crop_box: BoxBody
