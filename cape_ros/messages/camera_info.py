"""sensor_msgs/CameraInfo as a camera model: binning and region of interest included."""

from __future__ import annotations

from typing import Any

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.spatial import CameraModel


def to_model(info: Any, rectified: bool, size: tuple[int, int]) -> CameraModel:
    """The model of an image of `size` (width, height).

    rectified: the image is, so that P holds; else K and D do. Raises `InvalidInput` for a camera
    that is not calibrated, coefficients that its lens model does not have, and another size.
    """
    binning = max(1, info.binning_x), max(1, info.binning_y)
    region = info.roi
    sensor = region.width or info.width, region.height or info.height
    for name, full, step, seen in zip(("width", "height"), sensor, binning, size, strict=True):
        if full and abs(full / step - seen) >= 1:
            raise InvalidInput.of(
                name, f"is for images of {full // step} pixels; this image has {seen}"
            )
    matrix = [*info.p[:3], *info.p[4:7], *info.p[8:11]] if rectified else info.k
    try:
        return CameraModel.of(
            matrix,
            () if rectified else info.d,
            info.distortion_model,
            binning=binning,
            offset=(region.x_offset, region.y_offset),
        )
    except InvalidInput as error:
        if not rectified:
            raise
        raise InvalidInput(fault.at("p") for fault in error.faults) from None


class CameraInfoReader:
    """The model of the last CameraInfo, made anew only when it changes."""

    def __init__(self) -> None:
        self.fault = ""  # why the last one cannot be used
        self._known: Any = None
        self._model: CameraModel | None = None

    def model(self, info: Any, rectified: bool, size: tuple[int, int]) -> CameraModel | None:
        """None without a CameraInfo, and of one that cannot be used: then `fault` says why."""
        if info is None:
            return None
        region = info.roi
        known = (
            rectified, size, info.width, info.height, info.distortion_model,
            tuple(info.k), tuple(info.p), tuple(info.d), info.binning_x, info.binning_y,
            region.x_offset, region.y_offset, region.width, region.height,
        )  # fmt: skip
        if known != self._known:
            self._known, self._model, self.fault = known, None, ""
            try:
                self._model = to_model(info, rectified, size)
            except InvalidInput as error:
                self.fault = f"camera_info cannot be used: {error}"
        return self._model
