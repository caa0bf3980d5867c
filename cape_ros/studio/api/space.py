"""Routes of a category's shape and named frames."""

from __future__ import annotations

from fastapi import APIRouter

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.category import Category
from cape_ros.perception.spatial import FrameDefinition, read_frames
from cape_ros.studio.api.categories import CONFLICT
from cape_ros.studio.api.category_schemas import CategoryAnswer
from cape_ros.studio.api.context import Context
from cape_ros.studio.api.schemas import FaultsAnswer
from cape_ros.studio.api.space_schemas import FramesBody, FramesCheck, ShapeAnswer


def routes(context: Context) -> APIRouter:
    router, server = APIRouter(tags=["categories"]), context.server

    @router.get("/categories/{name}/shape")
    def get_shape(name: str) -> ShapeAnswer | None:
        """The keypoints and named frames in the object's frame; null without a shape."""
        return ShapeAnswer.of(server.find(name))

    @router.put("/categories/{name}/frames", responses=CONFLICT)
    def put_frames(name: str, body: FramesBody) -> CategoryAnswer:
        """Gives it these named frames in place of all that it has, as a new version."""
        frames = read(server.find(name), body)
        stored = server.define_frames(name, frames, body.base_version)
        return CategoryAnswer.of(stored, server.is_active(name))

    @router.post("/categories/{name}/frames/check")
    def check_frames(name: str, body: FramesBody) -> FramesCheck:
        """The faults that these named frames would have, or where they lie; changes nothing."""
        category = server.find(name)
        try:
            return FramesCheck.placed(category, read(category, body))
        except InvalidInput as error:
            return FramesCheck(faults=FaultsAnswer.of(error.faults).faults, frames=[])

    return router


def read(category: Category, body: FramesBody) -> tuple[FrameDefinition, ...]:
    """Raises `InvalidInput` with every fault."""
    given = {name: frame.model_dump(exclude_none=True) for name, frame in body.frames.items()}
    return read_frames(given, category.keypoint_names)
