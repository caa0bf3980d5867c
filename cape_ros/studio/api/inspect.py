"""Routes to freeze camera frames, estimate images, and inspect a prediction."""

from __future__ import annotations

import base64
import time
from dataclasses import replace

import numpy as np
from fastapi import APIRouter

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.perception.category import Category
from cape_ros.perception.drawing.panel import heat_map
from cape_ros.perception.geometry import Box, Crop, clean_box
from cape_ros.studio.api.categories import to_category
from cape_ros.studio.api.context import Context
from cape_ros.studio.api.image_schemas import (
    CameraAnswer,
    EstimateAnswer,
    EstimateBody,
    FreezeBody,
    FrozenAnswer,
    InspectAnswer,
    InspectBody,
    Point,
)
from cape_ros.studio.api.media import find_pixels, image_answer
from cape_ros.studio.api.schemas import BoxBody, FoundObject
from cape_ros.studio.image_codec import to_png


def routes(context: Context) -> APIRouter:
    router, server, broadcast = APIRouter(tags=["inspection"]), context.server, context.broadcast

    @router.get("/cameras")
    def cameras() -> list[CameraAnswer]:
        return [camera_answer(context, camera) for camera in context.cameras()]

    @router.post("/freeze")
    def freeze(body: FreezeBody) -> FrozenAnswer:
        """The newest frame of a camera as an image, with its objects. What is known of its camera
        and its depth is kept beside it, for the shape of a category."""
        camera = body.camera or next(iter(context.cameras()), "")
        result = broadcast.newest(camera)
        if result is None:
            raise InvalidInput.of("camera", f"{camera[:80]!r} has shown nothing yet")
        added = context.images.add_pixels(result.frame.image, *context.seen(result.frame))
        trusted = server.trust.point_threshold
        return FrozenAnswer(
            **image_answer(context, added).model_dump(),
            camera=camera,
            stamp_ns=broadcast.stamp(result.frame),
            objects=[FoundObject.of(prediction, trusted) for prediction in result.objects],
        )

    @router.post("/estimate")
    def estimate(body: EstimateBody) -> EstimateAnswer:
        """Where the keypoints of a category are in an image, by all of its shots or by some."""
        category = with_shots(asked_for(context, body), body.shots)
        pixels = find_pixels(context, body.image)
        began = time.monotonic()
        prediction = server.try_out(pixels, category, body.box.box() if body.box else None)
        took = time.monotonic() - began
        answer = FoundObject.of(prediction, server.trust.point_threshold)
        return EstimateAnswer(object=answer, took_ms=round(1e3 * took, 1))

    @router.post("/inspect")
    def inspect(body: InspectBody) -> InspectAnswer:
        """The maps behind one keypoint: similarity (Figure A7), encoder (A5), decoder (A6)."""
        category = server.find(body.category)
        if not 0 <= body.keypoint < len(category.keypoint_names):
            reason = f"{body.keypoint} is none of {len(category.keypoint_names)}"
            raise InvalidInput.of("keypoint", reason)
        pixels = find_pixels(context, body.image)
        box = body.box.box() if body.box else None
        if box is None:
            box = server.try_out(pixels, category, None).box
        seen = server.inspect(pixels, category, box)
        (height, width), size = pixels.shape[:2], seen.crop.shape[:2]
        crop, at = Crop.of_box(clean_box(box, width, height), size), body.keypoint

        def point(places: np.ndarray) -> Point:
            x, y = crop.to_image(places[at] / size[::-1]).tolist()
            return Point(x=round(x, 2), y=round(y, 2))

        return InspectAnswer(
            crop=data_url(seen.crop),
            similarity=data_url(heat_map(seen.evidence[at], size)),
            encoder=data_url(heat_map(seen.encoder[at], size)),
            decoder=data_url(heat_map(seen.decoder[at], size)),
            proposal=point(seen.proposals),
            point=point(seen.points),
            box=BoxBody.of(box),
            crop_box=BoxBody.of(crop_box(crop)),
        )

    return router


def camera_answer(context: Context, camera: str) -> CameraAnswer:
    broadcast = context.broadcast
    newest, counts = broadcast.newest(camera), broadcast.statistics().cameras.get(camera)
    return CameraAnswer(
        camera=camera,
        width=newest.frame.image.shape[1] if newest else None,
        height=newest.frame.image.shape[0] if newest else None,
        received=counts.received if counts else 0,
        answered=counts.answered if counts else 0,
        dropped=counts.dropped if counts else 0,
        rate=round(broadcast.rate(camera), 2),
        viewers=broadcast.viewers(camera),
        unwatched_s=broadcast.unwatched(camera),
        active=list(context.server.active(camera)),
    )


def asked_for(context: Context, body: EstimateBody) -> Category:
    """Raises `InvalidInput`."""
    if (body.category is None) == (body.draft is None):
        raise InvalidInput.of("category", "or draft must be given, and not both")
    if body.draft is None:
        return context.server.find(body.category or "")
    try:
        return to_category(context, body.draft)
    except InvalidInput as error:
        raise InvalidInput(fault.at(f"draft.{fault.field}") for fault in error.faults) from error


def crop_box(crop: Crop) -> Box:
    """The box of an image that a crop shows."""
    rows, columns = crop.size
    width, height = columns / crop.zoom, rows / crop.zoom
    return crop.center[0] - width / 2, crop.center[1] - height / 2, width, height


def with_shots(category: Category, shots: list[int] | None) -> Category:
    """The category as if only these shots had been registered. Raises `InvalidInput`."""
    if shots is None:
        return category
    count = len(category.shots)
    faults = [
        Fault(f"shots[{at}]", f"{index} is not a shot; there are {count}")
        for at, index in enumerate(shots)
        if not 0 <= index < count
    ]
    if not shots:
        faults.append(Fault("shots", "is empty; give at least one, or null for all"))
    if faults:
        raise InvalidInput(faults)
    return replace(category, shots=[category.shots[index] for index in shots])


def data_url(image: np.ndarray) -> str:
    return "data:image/png;base64," + base64.b64encode(to_png(image)).decode()
