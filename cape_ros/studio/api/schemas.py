"""What requests and answers of the HTTP API have in common. Points and boxes are pixels of the full
image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from cape_ros.core.errors import Fault, FaultCode
from cape_ros.core.text import encodable
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


class FaultAnswer(BaseModel):
    """code: for programs; the reason is for people, and its words may change."""

    field: str
    reason: str
    code: FaultCode


class FaultsAnswer(BaseModel):
    faults: list[FaultAnswer]

    @classmethod
    def of(cls, faults: Iterable[Fault]) -> FaultsAnswer:
        """The faults, which may name files that are not UTF-8."""
        answers = [
            FaultAnswer(
                field=encodable(fault.field), reason=encodable(fault.reason), code=fault.code
            )
            for fault in faults
        ]
        return cls(faults=answers)


class ConflictAnswer(FaultsAnswer):
    """present_version: of the category now, null if it is not registered any more."""

    present_version: int | None
