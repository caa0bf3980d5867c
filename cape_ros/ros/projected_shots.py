"""Views of a camera's objects by how it moves, for automatic shots."""

from __future__ import annotations

from cape_ros.perception.automatic_shots.projected_views import ViewProjector
from cape_ros.perception.space import ImageInSpace
from cape_ros.ros.camera import Camera
from cape_ros.server.server import Result, Server


class ProjectedShots:
    """Of one camera, if it has depth and `target_frame`."""

    def __init__(self, camera: Camera, server: Server) -> None:
        self._camera = camera
        self._server = server
        self._projector = ViewProjector()

    def is_wanted(self, result: Result) -> bool:
        """Whether results in space are needed even if nobody listens to them."""
        values = self._camera.values
        return bool(values["auto_shots"] and values["target_frame"]) and any(
            category is not None and category.shape is not None
            for category in (result.categories.get(one.category) for one in result.objects)
        )

    def see(self, result: Result, seen: ImageInSpace) -> None:
        """Hand the views of an image over; does not block."""
        sight, (height, width) = seen.sight, result.frame.image.shape[:2]
        if sight is None:
            return
        trusted, views = self._server.trust.point_threshold, []
        for one in seen.objects:
            category = result.categories[one.found.category]
            view = self._projector.see(one, category, sight, (width, height), trusted)
            if view is not None:
                views.append((one.found, view))
        if views:
            self._server.offer_views(result.frame, views)
