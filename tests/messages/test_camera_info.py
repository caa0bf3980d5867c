from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from cape_ros.core.errors import InvalidInput
from cape_ros.messages.camera_info import CameraInfoReader, to_model

K = [1133.1, 0.0, 960.0, 0.0, 1128.0, 600.0, 0.0, 0.0, 1.0]
P = [800.0, 0.0, 950.0, 0.0, 0.0, 800.0, 590.0, 0.0, 0.0, 0.0, 1.0, 0.0]


WHOLE = SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0)


def info(**fields: object) -> SimpleNamespace:
    """A sensor_msgs/CameraInfo."""
    usual = {
        "width": 1920,
        "height": 1200,
        "k": K,
        "p": P,
        "d": [],
        "distortion_model": "plumb_bob",
    }
    return SimpleNamespace(**{**usual, "binning_x": 0, "binning_y": 0, "roi": WHOLE} | fields)


def test_a_binned_camera() -> None:
    model = to_model(info(binning_x=4, binning_y=4), False, (480, 300))
    rays = model.rays(np.array([[240.0, 150.0], [240.0 + 1133.1 / 4, 150.0]]))
    np.testing.assert_allclose(rays, [[0, 0], [1, 0]], atol=1e-9)


def test_a_region_of_interest() -> None:
    region = SimpleNamespace(x_offset=900, y_offset=500, width=640, height=480)
    rays = to_model(info(roi=region), False, (640, 480)).rays(np.array([[60.0, 100.0]]))
    np.testing.assert_allclose(rays, [[0, 0]], atol=1e-9)


def test_a_rectified_image_follows_p_and_has_no_lens() -> None:
    model = to_model(info(d=[0.1] * 6), True, (1920, 1200))
    np.testing.assert_allclose(model.rays(np.array([[950.0, 590.0 + 800]])), [[0, 1]])


def test_the_matrix_that_is_not_filled_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"^p: has no focal length"):
        to_model(info(p=[0.0] * 12), True, (1920, 1200))
    to_model(info(p=[0.0] * 12), False, (1920, 1200))
    with pytest.raises(InvalidInput, match=r"^k: has no focal length"):
        to_model(info(k=[np.nan] * 9), False, (1920, 1200))


def test_an_image_of_another_size() -> None:
    with pytest.raises(InvalidInput, match="width: is for images of 1920 pixels; this image has"):
        to_model(info(), False, (1280, 1200))
    to_model(info(width=0, height=0), False, (1280, 720))  # as some drivers leave it


def test_a_model_is_made_again_only_when_the_camera_changes() -> None:
    reader = CameraInfoReader()
    assert reader.model(None, False, (1920, 1200)) is None
    first = reader.model(info(), False, (1920, 1200))
    assert reader.model(info(), False, (1920, 1200)) is first
    assert reader.model(info(d=[0.1] * 6), False, (1920, 1200)) is None
    assert "6 coefficients" in reader.fault
    assert reader.model(info(), True, (1920, 1200)) is not None
    assert reader.fault == ""
