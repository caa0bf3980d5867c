"""Which depth images are kept, and how they are laid onto the image on several threads."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dds  # noqa: F401, before the message packages
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from cape_ros.messages import camera_info
from cape_ros.perception.spatial import CameraModel
from cape_ros.ros import depth
from cape_ros.ros.depth import DepthInput

INFO = CameraInfo(width=60, height=45, k=[50.0, 0.0, 29.5, 0.0, 50.0, 22.0, 0.0, 0.0, 1.0])


def image(seconds: int, size: int = 0) -> Image:
    return Image(header=Header(stamp=Time(sec=seconds)), data=bytes(size))


def kept(given: DepthInput, count: int) -> list[int]:
    return [at for at in range(count) if given.find(at * 10**9, 1) is not None]


def test_depth_is_kept_for_as_long_as_the_network_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    given = DepthInput()
    for at in range(300):
        now = at / 30  # of a camera with 30 images per second
        given.add(image(at))
    assert kept(given, 300)[0] <= 300 - 2 * 30
    assert kept(given, 300)[0] >= 300 - 5 * 30
    for at in range(300, 320):
        now += 10  # of a slow one, those that a registration may name
        given.add(image(at))
    assert kept(given, 320) == list(range(304, 320))


def test_depth_that_is_kept_has_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth, "BYTES", 20_000)
    given = DepthInput()
    for at in range(40):
        given.add(image(at, 1000))
    assert kept(given, 40) == list(range(20, 40))


def test_results_and_registrations_may_ask_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = camera_info.to_model

    def slow(*given: Any) -> CameraModel:
        time.sleep(0.1)
        return made(*given)

    monkeypatch.setattr(camera_info, "to_model", slow)
    given = DepthInput()
    given.info = INFO
    colour = CameraModel(np.diag((100.0, 100.0, 1.0)), np.empty(0))

    def ask(_: int) -> Any:
        return given.alignment(
            Header(), (60, 45), Header(), (120, 90), colour, lambda *_: pytest.fail("TF")
        )

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(4)))) == 1
