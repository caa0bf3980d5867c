"""Routes to upload images and videos."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi import Path as InPath

from cape_ros.studio import image_store, videos
from cape_ros.studio.api.context import Context
from cape_ros.studio.api.schemas import ImageAnswer, VideoAnswer
from cape_ros.studio.api.uploads import raw_body
from cape_ros.studio.image_store import Added, StoredImage

ImageId = Annotated[str, InPath(max_length=64)]


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["images"])

    @router.post("/images", openapi_extra=raw_body("image/jpeg", "image/png"))
    async def upload_image(request: Request) -> ImageAnswer:
        """The body is a JPEG or PNG file of at most 20 MB and 40 megapixels."""
        add = context.images.add_file
        added = await context.uploads.take(request, image_store.MOST_OCTETS, "image", add)
        return image_answer(context, added)

    @router.get("/images/{image}", response_class=Response)
    def get_image(image: ImageId) -> Response:
        stored = find_image(context, image)
        headers = {"Cache-Control": "private, max-age=86400, immutable"}
        return Response(stored.data, media_type=stored.media_type, headers=headers)

    @router.post("/videos", openapi_extra=raw_body("video/mp4", "video/webm", "video/x-msvideo"))
    async def upload_video(request: Request) -> VideoAnswer:
        """The body is a video file of at most 100 MB and 600 frames."""
        add = context.videos.add
        added, video = await context.uploads.take(request, videos.MOST_OCTETS, "video", add)
        return VideoAnswer(
            video=added.image,
            dropped=added.dropped,
            frames=len(video.frames),
            fps=video.fps,
            width=video.width,
            height=video.height,
        )

    return router


def find_image(context: Context, image: str, field: str = "image") -> StoredImage:
    """An uploaded or frozen image, or a frame of a video. Raises `InvalidInput`."""
    store = context.videos if "." in image else context.images
    return store.find(image, field)


def find_pixels(context: Context, image: str, field: str = "image") -> np.ndarray:
    """[H, W, 3] uint8 RGB, read-only. Raises `InvalidInput`."""
    data = find_image(context, image, field).data
    return context.images.decoded(image, data, field)


def image_answer(context: Context, added: Added) -> ImageAnswer:
    image, dropped = added
    stored = context.images.find(image)
    return ImageAnswer(image=image, width=stored.width, height=stored.height, dropped=dropped)
