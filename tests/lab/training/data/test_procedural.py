from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data as shipped

from cape_ros.lab.training.data.bodies import MOST_PARTS, body
from cape_ros.lab.training.data.light import Light
from cape_ros.lab.training.data.procedural import view_of_body, views_of_body
from cape_ros.lab.training.data.textures import FAMILIES, TILE

SIZE = 256
RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture(scope="module")
def black(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A photograph of nothing: what is not black in a view is the body."""
    path = tmp_path_factory.mktemp("black") / "black.png"
    cv2.imwrite(str(path), np.zeros((64, 64, 3), np.uint8))
    return [path]


@pytest.mark.parametrize("flip", [False, True])
def test_a_keypoint_is_visible_where_its_part_is_seen_and_hidden_where_it_is_not(
    black: list[Path], monkeypatch: pytest.MonkeyPatch, flip: bool
) -> None:
    """The part of a keypoint is red, all others blue, the background and what is pasted black."""
    monkeypatch.setattr(Light, "shine", lambda light, pixels, generator: pixels)
    agree = {True: 0, False: 0}
    wrong = 0
    for number in range(25):
        drawn = body(number, black)
        for at, mark in enumerate(drawn.landmarks):
            tiles = tuple(
                np.full((TILE, TILE, 3), RED if part in mark.owners else BLUE, np.uint8)
                for part in range(len(drawn.parts))
            )
            painted = replace(drawn, tiles=tiles, own_pattern=False)
            view = view_of_body(
                painted, np.random.default_rng((number, 3)), flip, black, (SIZE, SIZE)
            )
            x, y = np.rint(view.points[at] * SIZE).astype(int)
            if not (0 <= x < SIZE and 0 <= y < SIZE):
                assert not view.visible[at]
                continue
            red, _, blue = view.pixels[y, x].astype(int)
            if (red > max(blue, 40)) == view.visible[at]:
                agree[bool(view.visible[at])] += 1
            else:
                wrong += 1
    assert agree[True] > 150
    assert agree[False] > 20
    assert wrong <= 0.02 * sum(agree.values())  # within a pixel of a rim


def test_the_same_seed_gives_the_same_bytes(photographs: list[Path]) -> None:
    views = [
        views_of_body(
            body(number, photographs), np.random.default_rng(seed), 2, photographs, (SIZE, SIZE)
        )
        for number, seed in ((5, 1), (5, 1), (5, 2), (6, 1))
    ]
    pixels = [b"".join(view.pixels.tobytes() for view in some) for some in views]
    assert pixels[0] == pixels[1]
    assert len(set(pixels)) == 3
    assert np.array_equal(views[0][1].points, views[1][1].points)


def test_categories_differ_and_objects_of_one_share_what_makes_it(photographs: list[Path]) -> None:
    bodies = [body(number, photographs) for number in range(40)]
    assert len({tuple(part.parent for part in one.parts) for one in bodies}) > 15
    assert len({one.parts[0].outline.tobytes() for one in bodies}) == 40
    assert {one.material.family for one in bodies} == set(FAMILIES)
    assert {one.mirrored for one in bodies} == {one.own_pattern for one in bodies} == {True, False}
    for one in bodies:
        poses = [np.stack(one.pose(np.random.default_rng(seed))) for seed in (0, 1)]
        assert poses[0].shape == (len(one.parts), 3, 3)
        assert not np.allclose(*poses, atol=0.02)


@given(st.integers(0, 2**31 - 1))
def test_every_number_is_a_category(number: int) -> None:
    drawn = body(number, PHOTOGRAPHS)
    assert 2 <= len(drawn.parts) <= MOST_PARTS
    assert len(drawn.landmarks) >= 4
    for at, part in enumerate(drawn.parts):
        assert part.parent < at
        area = cv2.contourArea(part.outline.astype(np.float32))
        assert area > 0.001
    for mark in drawn.landmarks:
        outline = drawn.parts[mark.part].outline.astype(np.float32)[:, None]
        x, y = mark.place
        assert cv2.pointPolygonTest(outline, (float(x), float(y)), False) > 0
    view = view_of_body(drawn, np.random.default_rng(number), False, PHOTOGRAPHS, (SIZE, SIZE))
    assert view.pixels.shape == (SIZE, SIZE, 3)
    assert view.points.shape == (len(drawn.landmarks), 2)
    assert np.isfinite(view.points).all()


def test_mirrored_bodies_never_flip(
    photographs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cape_ros.lab.training.data import procedural

    flips: dict[bool, set[bool]] = {True: set(), False: set()}
    drawn = view_of_body

    def watched(one, generator, flip, paths, size, sketch):  # type: ignore[no-untyped-def]
        flips[one.mirrored].add(flip)
        return drawn(one, generator, flip, paths, size, sketch)

    monkeypatch.setattr(procedural, "view_of_body", watched)
    for number in range(20):
        views_of_body(
            body(number, photographs), np.random.default_rng(number), 2, photographs, (SIZE, SIZE)
        )
    assert flips == {True: {False}, False: {False, True}}


PHOTOGRAPHS = [Path(shipped.__file__).parent / "chelsea.png"]
