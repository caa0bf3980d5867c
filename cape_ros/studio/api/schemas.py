"""Requests and answers of the HTTP API, as JSON. Points and boxes are pixels of the full image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cape_ros.core.errors import Fault, FaultCode
from cape_ros.model.cross_check import CrossCheck
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.geometry import Box
from cape_ros.perception.objects import ObjectKeypoints

UNKNOWN, VISIBLE = 0, 2  # visibility, as in cape_ros/msg/Keypoint


class Strict(BaseModel):
    """A request body: unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid")


class BoxBody(Strict):
    x: float
    y: float
    width: float
    height: float

    @classmethod
    def of(cls, box: Sequence[float]) -> BoxBody:
        x, y, width, height = (float(value) for value in box)
        return cls(x=x, y=y, width=width, height=height)

    def box(self) -> Box:
        return self.x, self.y, self.width, self.height


class ShotKeypoint(Strict):
    """Where a keypoint is; x and y mean nothing where it is not visible."""

    x: float = 0.0
    y: float = 0.0
    visible: bool = True


class FoundKeypoint(BaseModel):
    x: float
    y: float
    score: float
    visibility: int


class FoundObject(BaseModel):
    """track_id: -1 = lost, or not followed. predicted: not seen, but placed by its motion. age:
    seconds since its track began."""

    category: str
    version: int
    track_id: int
    predicted: bool
    age: float
    score: float
    box: BoxBody
    keypoints: list[FoundKeypoint]

    @classmethod
    def of(cls, prediction: ObjectKeypoints, trusted: float) -> FoundObject:
        """trusted: from which score on a keypoint is called visible."""
        return cls(
            category=prediction.category,
            version=prediction.category_version,
            track_id=prediction.track_id,
            predicted=prediction.predicted,
            age=round(prediction.age, 2),
            score=round(prediction.score, 4),
            box=BoxBody.of([round(value, 2) for value in prediction.box]),
            keypoints=[
                FoundKeypoint(
                    x=round(x, 2),
                    y=round(y, 2),
                    score=round(score, 4),
                    visibility=VISIBLE if score >= trusted else UNKNOWN,
                )
                for (x, y), score in zip(
                    prediction.keypoints.tolist(), prediction.scores.tolist(), strict=True
                )
            ],
        )


class CategoryAnswer(BaseModel):
    """active: on any camera."""

    name: str
    version: int
    keypoint_names: list[str]
    edges: list[tuple[int, int]]
    shots: int
    active: bool

    @classmethod
    def of(cls, category: Category, active: bool) -> CategoryAnswer:
        return cls(
            name=category.name,
            version=category.version,
            keypoint_names=list(category.keypoint_names),
            edges=list(category.edges),
            shots=len(category.shots),
            active=active,
        )


class RemovedAnswer(BaseModel):
    """version: of an old version that can be restored."""

    name: str
    version: int


class CategoriesAnswer(BaseModel):
    """removed: what can be restored. trusted_point, found_object, kept_object: the thresholds of
    scores, as the parameters of these names."""

    database_version: int
    trusted_point: float
    found_object: float
    kept_object: float
    categories: list[CategoryAnswer]
    removed: list[RemovedAnswer]


class SupportAnswer(BaseModel):
    """A shot that is registered; its image is another request away."""

    index: int
    width: int
    height: int
    box: BoxBody
    keypoints: list[ShotKeypoint]

    @classmethod
    def of(cls, index: int, shot: SupportShot) -> SupportAnswer:
        height, width = shot.image.shape[:2]
        keypoints = [
            ShotKeypoint(x=x, y=y, visible=seen)
            for (x, y), seen in zip(shot.keypoints.tolist(), shot.visible.tolist(), strict=True)
        ]
        box = BoxBody.of(shot.box)
        return cls(index=index, width=width, height=height, box=box, keypoints=keypoints)


class CategoryDetail(CategoryAnswer):
    supports: list[SupportAnswer]


class OldVersionAnswer(BaseModel):
    """A version that was replaced or removed."""

    version: int
    keypoint_names: list[str]
    edges: list[tuple[int, int]]
    supports: list[SupportAnswer]

    @classmethod
    def of(cls, category: Category) -> OldVersionAnswer:
        return cls(
            version=category.version,
            keypoint_names=list(category.keypoint_names),
            edges=list(category.edges),
            supports=[SupportAnswer.of(at, shot) for at, shot in enumerate(category.shots)],
        )


class RestoreBody(Strict):
    """base_version: the present one, null if the category is not registered."""

    base_version: int | None = Field(default=None, ge=1)


class RenameBody(Strict):
    """name: the new one. base_version: as of a registration."""

    name: str
    base_version: int | None = Field(default=None, ge=1)


class ShotBody(Strict):
    """image: an ID. box: null = around the visible keypoints."""

    image: str
    box: BoxBody | None = None
    keypoints: list[ShotKeypoint] = Field(max_length=1000)


class CategoryBody(Strict):
    """base_version: refused if the category is at another version; null = whatever it is at."""

    name: str
    mode: Literal["create", "replace", "add_shots"] = "create"
    base_version: int | None = Field(default=None, ge=1)
    keypoint_names: list[str] = Field(default=[], max_length=1000)
    edges: list[tuple[int, int]] = Field(default=[], max_length=10_000)
    shots: list[ShotBody] = Field(max_length=1000)


class PointOfShot(BaseModel):
    """Indices of a shot and of a keypoint."""

    shot: int
    keypoint: int


class CheckAnswer(BaseModel):
    """How well the shots of a category predict each other: of the `judged` points, `right` are
    found from the other shots. doubtful: found elsewhere, may be marked wrongly."""

    right: int
    judged: int
    doubtful: list[PointOfShot]

    @classmethod
    def of(cls, check: CrossCheck) -> CheckAnswer:
        doubtful = [PointOfShot(shot=shot, keypoint=keypoint) for shot, keypoint in check.doubtful]
        return cls(right=check.right, judged=check.judged, doubtful=doubtful)


class RegisteredAnswer(BaseModel):
    """message: a summary of the registration, with the cross-check of its shots. doubtful: as of
    the check."""

    name: str
    version: int
    shots: int
    message: str
    doubtful: list[PointOfShot]


class FaultAnswer(BaseModel):
    """code: for programs; the reason is for people, and its words may change."""

    field: str
    reason: str
    code: FaultCode


class FaultsAnswer(BaseModel):
    faults: list[FaultAnswer]

    @classmethod
    def of(cls, faults: Iterable[Fault]) -> FaultsAnswer:
        return cls(faults=[FaultAnswer(**asdict(fault)) for fault in faults])


class ConflictAnswer(FaultsAnswer):
    """present_version: of the category now, null if it is not registered any more."""

    present_version: int | None


class ActivationBody(Strict):
    active: bool


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


class DraftShot(BaseModel):
    image: str
    box: BoxBody | None
    keypoints: list[ShotKeypoint]


class DraftAnswer(BaseModel):
    name: str
    keypoint_names: list[str]
    edges: list[tuple[int, int]]
    shots: list[DraftShot]


class ImportAnswer(BaseModel):
    """problems: what was left out, and why."""

    drafts: list[DraftAnswer]
    problems: list[str]
