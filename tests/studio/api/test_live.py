"""The live view: what viewers see, and that none of them holds up the node or another viewer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from browsing import Site
from steered import SECONDS, category, wait_for
from websockets.exceptions import ConnectionClosed

from cape_ros.perception.tracking import TrackingSettings
from cape_ros.perception.trust import Trust
from cape_ros.studio import broadcast, camera_view
from cape_ros.studio.api import live


@pytest.fixture
def jpegs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The widths of all JPEGs that are made."""
    made: list[int] = []

    def to_jpeg(image: np.ndarray, width: int) -> bytes:
        made.append(width)
        return original(image, width)

    original: Callable[..., bytes] = camera_view.to_jpeg
    monkeypatch.setattr(camera_view, "to_jpeg", to_jpeg)
    return made


def test_a_frame_with_what_was_found(site: Site) -> None:
    site.stand.register("cup")
    red = np.zeros((240, 320, 3), np.uint8)
    red[..., 0] = 200
    stamp = 1_795_640_922_446_417_257
    site.stand.show(image=red, header=stamp)
    with site.watch("?width=160") as viewer:
        header, picture = viewer.frame()
    assert picture.shape == (120, 160, 3)
    assert np.abs(picture.mean(axis=(0, 1)) - (200, 0, 0)).max() < 5
    assert (header["camera"], header["stamp_ns"]) == ("a", stamp)
    assert (header["width"], header["height"]) == (320, 240)
    assert header["age_ms"] >= header["network_ms"] >= 0
    assert header["active"] == ["cup"]
    thresholds = {name: header[name] for name in ("trusted_point", "found_object", "kept_object")}
    assert thresholds == {"trusted_point": 0.3, "found_object": 0.35, "kept_object": 0.25}
    (cup,) = header["objects"]
    assert (cup["predicted"], cup["age"]) == (False, 0.0)
    assert (cup["category"], cup["version"]) == ("cup", 1)
    assert set(cup["box"]) == {"x", "y", "width", "height"}
    assert [set(point) for point in cup["keypoints"]] == [{"x", "y", "score", "visibility"}] * 4


def test_a_frame_is_sent_when_the_one_before_is_drawn_and_then_the_newest(site: Site) -> None:
    site.stand.show(header=1)
    with site.watch() as viewer:
        first, _ = viewer.frame()
        for stamp in (2, 3, 4):
            site.stand.show(header=stamp)
        assert viewer.has_nothing()
        viewer.draw(first)
        assert viewer.frame()[0]["stamp_ns"] == 4


def test_a_browser_that_rounds_the_stamp_is_understood(site: Site) -> None:
    stamp = 1_795_640_922_446_417_257
    site.stand.show(header=stamp)
    with site.watch() as viewer:
        viewer.frame()
        site.stand.show(header=stamp + 10**8)
        viewer.draw({"stamp_ns": float(stamp)})
        assert viewer.frame()[0]["stamp_ns"] == stamp + 10**8


def test_three_viewers_share_a_jpeg_and_without_any_none_is_made(
    site: Site, jpegs: list[int]
) -> None:
    site.stand.show(header=1)
    assert jpegs == []
    with site.watch() as one, site.watch() as two, site.watch() as three:
        viewers = (one, two, three)
        for stamp in (2, 3):
            for viewer in viewers:
                viewer.draw(viewer.frame()[0])
            site.stand.show(header=stamp)
        assert {viewer.frame()[0]["stamp_ns"] for viewer in viewers} == {3}
        assert site.get("cameras")[0]["viewers"] == 3
    assert len(jpegs) == 3
    while site.get("cameras")[0]["viewers"]:
        pass
    site.stand.show(header=4)
    assert len(jpegs) == 3


def test_who_leaves_at_once_after_drawing_is_no_viewer_any_more(site: Site) -> None:
    site.stand.show(header=1)
    for _ in range(100):
        with site.watch() as viewer:
            viewer.draw(viewer.frame()[0])
    wait_for(lambda: site.get("cameras")[0]["viewers"] == 0)


def test_the_page_is_told_from_which_score_on_a_point_is_trusted(site: Site) -> None:
    site.stand.register("cup")
    for stamp, point in enumerate((0.3, 1.01)):
        site.stand.server.tracking = TrackingSettings(Trust(point))
        site.stand.show(header=stamp)
        with site.watch() as viewer:
            header, _ = viewer.frame()
        assert header["trusted_point"] == point
        keypoints = header["objects"][0]["keypoints"]
        assert all((each["visibility"] == 2) == (each["score"] >= point) for each in keypoints)


def test_a_slow_viewer_holds_up_neither_the_node_nor_the_others(site: Site) -> None:
    site.stand.show(header=1)
    with site.watch() as slow, site.watch() as quick:
        slow.frame()
        for stamp in range(2, 30):
            quick.draw(quick.frame()[0])
            site.stand.show(header=stamp)
        assert quick.frame()[0]["stamp_ns"] == 29
        assert slow.has_nothing()
    assert site.stand.server.statistics.answered == 29


def test_a_viewer_that_draws_nothing_is_dropped(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "VIEWER_TIMEOUT", 0.2)
    site.stand.show(header=1)
    with site.watch() as dead:
        dead.frame()
        with pytest.raises(ConnectionClosed) as closed:
            dead.connection.recv(SECONDS)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == live.TOO_SLOW
    assert site.get("cameras")[0]["viewers"] == 0


def test_a_viewer_that_hangs_up_is_forgotten(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.stand.show(header=1)
    with site.watch() as viewer:
        viewer.frame()
        viewer.connection.socket.close()
    while site.get("cameras")[0]["viewers"]:
        pass
    site.stand.show(header=2)
    with site.watch() as viewer:
        assert viewer.frame()[0]["stamp_ns"] == 2
    assert [each for each in caplog.records if each.name.startswith(("cape_ros", "uvicorn"))] == []


def test_another_size_while_watching(site: Site) -> None:
    large = np.zeros((480, 640, 3), np.uint8)
    site.stand.show(image=large, header=1)
    with site.watch("?width=320") as viewer:
        header, picture = viewer.frame()
        assert picture.shape[1] == 320
        for nonsense in (
            "",
            "[]",
            "{",
            '{"width": "x"}',
            '{"width": -4, "drawn": [1]}',
            "9" * 4000,
        ):
            viewer.connection.send(nonsense)
        viewer.connection.send('{"width": 640}')
        viewer.draw(header)
        site.stand.show(image=large, header=2)
        assert viewer.frame()[1].shape[1] == 640


@pytest.mark.parametrize(
    ("query", "code"), [("?camera=nowhere", live.UNKNOWN_CAMERA), ("?camera=", live.UNKNOWN_CAMERA)]
)
def test_a_camera_that_is_not_there(site: Site, query: str, code: int) -> None:
    with site.watch(query) as viewer, pytest.raises(ConnectionClosed) as closed:
        viewer.connection.recv(SECONDS)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


def test_too_many_viewers(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "MOST_VIEWERS", 1)
    site.stand.show(header=1)
    with site.watch() as first, site.watch() as second:
        with pytest.raises(ConnectionClosed) as closed:
            second.connection.recv(SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == live.TOO_MANY
        first.frame()


def test_two_cameras(site: Site) -> None:
    site.stand.server.register(category())
    for camera in ("left", "right"):
        site.stand.show(camera, header=7)
    assert [each["camera"] for each in site.get("cameras")] == ["left", "right"]
    with site.watch("?camera=right") as viewer:
        assert viewer.frame()[0]["camera"] == "right"


def test_the_end_hangs_up(site: Site) -> None:
    site.stand.show(header=1)
    with site.watch() as viewer:
        viewer.frame()
        site.studio.close()
        with pytest.raises(ConnectionClosed):
            viewer.connection.recv(SECONDS)
    site.stand.show(header=2)
    assert site.stand.server.statistics.answered == 2
