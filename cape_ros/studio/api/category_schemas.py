"""Requests and answers about categories: registered ones, old versions, and drafts."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from cape_ros.model.cross_check import CrossCheck
from cape_ros.perception.category import Category, SupportShot
from cape_ros.studio.api.schemas import BoxBody, ShotKeypoint, Strict
from cape_ros.studio.api.space_schemas import FrameBody


def shot_keypoints(shot: SupportShot) -> list[ShotKeypoint]:
    return [
        ShotKeypoint(x=x, y=y, visible=seen)
        for (x, y), seen in zip(shot.keypoints.tolist(), shot.visible.tolist(), strict=True)
    ]


class CategoryAnswer(BaseModel):
    """symmetries: permutations of the keypoints that leave the object as it is. active: on any
    camera."""

    name: str
    version: int
    keypoint_names: list[str]
    edges: list[tuple[int, int]]
    symmetries: list[list[int]]
    shots: int
    active: bool

    @classmethod
    def of(cls, category: Category, active: bool) -> CategoryAnswer:
        return cls(
            name=category.name,
            version=category.version,
            keypoint_names=list(category.keypoint_names),
            edges=list(category.edges),
            symmetries=list(map(list, category.symmetries)),
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
    """A shot that is registered; its image is another request away. automatic: taken by the node
    from a tracked object, not by a person."""

    index: int
    width: int
    height: int
    box: BoxBody
    keypoints: list[ShotKeypoint]
    automatic: bool

    @classmethod
    def of(cls, index: int, shot: SupportShot) -> SupportAnswer:
        height, width = shot.image.shape[:2]
        return cls(
            index=index,
            width=width,
            height=height,
            box=BoxBody.of(shot.box),
            keypoints=shot_keypoints(shot),
            automatic=shot.automatic,
        )


class CategoryDetail(CategoryAnswer):
    """frames: named frames, by their names. suggested: how many views of the tracked object would
    help as shots."""

    supports: list[SupportAnswer]
    frames: dict[str, FrameBody]
    suggested: int


class OldVersionAnswer(BaseModel):
    """A version that was replaced or removed."""

    version: int
    keypoint_names: list[str]
    edges: list[tuple[int, int]]
    symmetries: list[list[int]]
    supports: list[SupportAnswer]

    @classmethod
    def of(cls, category: Category) -> OldVersionAnswer:
        return cls(
            version=category.version,
            keypoint_names=list(category.keypoint_names),
            edges=list(category.edges),
            symmetries=list(map(list, category.symmetries)),
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
    """image: an ID. box: null = around the visible keypoints. automatic: as of a registered shot,
    to be kept when it is registered again."""

    image: str
    box: BoxBody | None = None
    keypoints: list[ShotKeypoint] = Field(max_length=1000)
    automatic: bool = False


class CategoryBody(Strict):
    """base_version: refused if the category is at another version; null = whatever it is at.
    symmetries: each as long as keypoint_names: [1, 0, 2] says that the first two of three keypoints
    can be exchanged. keypoints_before: the index that each keypoint has in base_version, null of a
    new one: the shape and the named frames go along where keypoints are renamed or reordered."""

    name: str
    mode: Literal["create", "replace", "add_shots"] = "create"
    base_version: int | None = Field(default=None, ge=1)
    keypoint_names: list[str] = Field(default=[], max_length=1000)
    keypoints_before: list[int | None] | None = Field(default=None, max_length=1000)
    edges: list[tuple[int, int]] = Field(default=[], max_length=10_000)
    symmetries: list[list[int]] = Field(default=[], max_length=1000)
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


class ActivationBody(Strict):
    active: bool


class DraftShot(BaseModel):
    """A shot that is not registered. image: an ID."""

    image: str
    box: BoxBody | None
    keypoints: list[ShotKeypoint]
    automatic: bool


class DraftAnswer(BaseModel):
    name: str
    keypoint_names: list[str]
    edges: list[tuple[int, int]]
    symmetries: list[list[int]]
    shots: list[DraftShot]


class ImportAnswer(BaseModel):
    """problems: what was left out, and why."""

    drafts: list[DraftAnswer]
    problems: list[str]
