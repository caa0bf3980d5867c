"""Identities, losses and bad input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import Camera, Thing, World, category

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.detection.peaks import ALL_SIDES
from cape_ros.perception.tracking import track_ids
from cape_ros.perception.tracking.track import limit_growth
from cape_ros.perception.trust import Trust

RED, BLUE = (200, 60, 60), (60, 60, 200)


def test_every_instance_is_found_in_the_first_image_and_keeps_its_id() -> None:
    things = [Thing(lambda t, x=x: (100.0 + x + 30 * t, 200.0)) for x in (0, 150, 300)]
    camera = Camera(World(*things))
    first = camera.look()
    assert [one.track_id for one in first] == [0, 1, 2]
    assert all(one.age == 0 and not one.predicted for one in first)
    for _ in range(20):
        objects = camera.look()
        assert camera.numbers_of(objects) == {0: 0, 1: 1, 2: 2}
    assert [one.age for one in objects] == pytest.approx([2.0] * 3)
    assert np.abs(objects[0].velocities - (30, 0)).max() < 3


def test_nothing_there_is_an_empty_result_and_is_searched_in_each_image() -> None:
    camera = Camera(World())
    assert [camera.look() for _ in range(3)] == [[], [], []]
    assert camera.world.searched == [["cup"]] * 3


def test_a_new_instance_is_found_within_the_next_image_if_nothing_is_tracked() -> None:
    camera = Camera(World(Thing(lambda t: (200, 200), visible=lambda t: t > 0.95)))
    for _ in range(9):
        assert camera.look() == []
    assert len(camera.look()) == 1


def test_an_object_that_is_hidden_for_a_moment_is_predicted_and_keeps_its_id() -> None:
    hidden = Thing(lambda t: (100 + 60 * t, 200), visible=lambda t: not 1.05 < t < 1.45)
    camera = Camera(World(hidden))
    for _ in range(10):
        (before,) = camera.look()
    for _ in range(4):
        (one,) = camera.look()
        assert one.predicted
        assert one.track_id == before.track_id
        assert one.scores.max() < Trust().point_threshold
        assert one.score < Trust().tracking_threshold
        error = np.linalg.norm(one.keypoints - hidden.points(camera.world.time), axis=1)
        assert error.max() < 5
    (after,) = camera.look()
    assert not after.predicted
    assert after.track_id == before.track_id


def test_an_object_found_again_within_the_time_keeps_its_id_and_later_gets_another() -> None:
    for gone, same in ((3.0, True), (8.0, False)):
        back = 1.05 + gone
        camera = Camera(
            World(Thing(lambda t: (200, 200), visible=lambda t, back=back: not 1.05 < t < back))
        )
        for _ in range(10):
            (before,) = camera.look()
        while camera.world.time < back - 0.1:
            objects = camera.look()
        assert objects == []
        (after,) = camera.look()
        assert (after.track_id == before.track_id) is same


def test_identities_survive_crossing_objects() -> None:
    """They look alike; one hides the other meanwhile."""
    things = [
        Thing(lambda t: (100 + 80 * t, 200)),
        Thing(lambda t: (420 - 80 * t, 203)),
        Thing(lambda t: (260, 40 + 80 * t)),
    ]
    camera = Camera(World(*things, noise=0.3))
    start = camera.numbers_of(camera.look())
    while camera.world.time < 4:
        camera.look()
    assert camera.numbers_of(camera.look()) == start


def test_objects_that_look_different_are_told_apart_after_a_loss() -> None:
    def place(x: float) -> Thing:
        return Thing(
            lambda t: (x, 200) if t < 1 else (400 - x, 200), visible=lambda t: not 1 < t < 3
        )

    left, right = place(120), place(280)
    right.colour = BLUE
    camera = Camera(World(left, right))
    start = camera.numbers_of(camera.look())
    while camera.world.time < 3.3:
        objects = camera.look()
    assert camera.numbers_of(objects) == start


def test_a_track_that_converges_on_an_older_ones_object_ends() -> None:
    """A detection that was wrong: its own object is gone with the next image."""
    ghost = Thing(lambda t: (230, 200), visible=lambda t: t < 0.15)
    camera = Camera(World(Thing(lambda t: (200, 200)), ghost))
    assert len(camera.look()) == 2
    for _ in range(3):
        seen = camera.look()
    assert [one.track_id for one in seen] == [0]


def test_of_many_equal_objects_so_many_are_tracked_as_are_set() -> None:
    things = [
        Thing(lambda t, at=at: (50 + 110 * (at % 5), 60 + 110 * (at // 5))) for at in range(20)
    ]
    camera = Camera(World(*things, noise=0.5), max_instances=8)
    first = camera.look()
    assert len(first) == 8
    start = camera.numbers_of(first)
    for _ in range(10):
        assert camera.numbers_of(camera.look()) == start
    camera.settings = replace(camera.settings, max_instances=3)
    assert len(camera.look()) == 3


def test_two_categories_that_look_alike_are_tracked_side_by_side() -> None:
    camera = Camera(
        World(Thing(lambda t: (200, 200)), Thing(lambda t: (220, 205), name="mug")),
        category(),
        category("mug"),
    )
    for _ in range(5):
        objects = camera.look()
    assert sorted((one.category, one.track_id) for one in objects) == [("cup", 0), ("mug", 1)]


def test_a_category_removed_while_tracked_is_gone_from_the_next_image_on() -> None:
    camera = Camera(World(Thing(lambda t: (200, 200))), category(), category("mug"))
    assert len(camera.look()) == 1
    del camera.categories["cup"]
    assert camera.look() == []
    camera.categories["cup"] = category()  # another one of the same name
    assert [one.track_id for one in camera.look()] == [1]


def test_a_camera_that_jumps_finds_everything_again_under_the_same_ids() -> None:
    def seen(x: float, colour: tuple[int, int, int]) -> Thing:
        return Thing(lambda t: (x, 120) if t < 1 else (x + 180, 330), colour=colour)

    camera = Camera(World(seen(100, RED), seen(220, BLUE), seen(340, RED)))
    start = camera.numbers_of(camera.look())
    while camera.world.time < 1.5:
        objects = camera.look()
    found = camera.numbers_of(objects)
    assert set(found) == set(start)
    assert found[1] == start[1]


def test_at_one_image_per_second_a_slow_object_keeps_its_id() -> None:
    camera = Camera(World(Thing(lambda t: (100 + 10 * t, 200))))
    for _ in range(10):
        (one,) = camera.look(1.0)
        assert (one.track_id, one.predicted) == (0, False)


@pytest.mark.parametrize("stamp", [100.5, 3.0, 1e9, -1.0])
def test_stamps_that_stand_still_or_jump_break_nothing(stamp: float) -> None:
    camera = Camera(World(Thing(lambda t: (200 + 20 * t, 200))))
    for _ in range(5):
        camera.look()
    for _ in range(3):
        (one,) = camera.look(stamp=stamp)
        assert np.isfinite(one.keypoints).all()
        assert np.abs(one.keypoints - camera.world.things[0].points(camera.world.time)).max() < 3
    (one,) = camera.look()
    assert one.age >= 0


def test_an_object_that_leaves_the_image_is_not_predicted_outside() -> None:
    camera = Camera(World(Thing(lambda t: (500 + 100 * t, 200))))
    while camera.world.time < 3:
        objects = camera.look()
    assert objects == []


def test_images_of_another_size_are_searched_anew() -> None:
    camera = Camera(World(Thing(lambda t: (100, 100))))
    (before,) = camera.look()
    camera.world.size = (320, 240)
    (after,) = camera.look()
    assert after.track_id != before.track_id


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 90, 3), (90, 2, 3)])
def test_an_image_too_small_to_search_in_is_named(shape: tuple[int, int, int]) -> None:
    camera = Camera(World())
    with pytest.raises(InvalidInput, match="image"):
        camera.tracker.estimate(np.zeros(shape, np.uint8), {}, camera.settings, 0.0)


def test_keeping_takes_less_than_finding_and_thresholds_count_from_the_next_image_on() -> None:
    camera = Camera(World(Thing(lambda t: (200, 200))))  # it scores 0.9

    def trust(presence: float, tracking: float) -> None:
        camera.settings = replace(camera.settings, trust=Trust(0.3, presence, tracking))

    trust(0.95, 0.8)
    assert camera.look() == []
    trust(0.85, 0.8)
    assert len(camera.look()) == 1
    trust(0.95, 0.8)
    assert [one.predicted for one in camera.look()] == [False]
    trust(0.95, 0.92)
    assert [one.predicted for one in camera.look()] == [True]


def test_a_box_grows_and_shrinks_by_a_bounded_factor() -> None:
    assert limit_growth((0, 0, 10, 10), (2, 2, 11, 9)) == (2, 2, 11, 9)
    assert limit_growth((0, 0, 10, 10), (-45, -45, 100, 100)) == pytest.approx((-1.5, -1.5, 13, 13))


def test_track_ids_fit_into_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cape_ros.perception.tracking.tracker.MOST_TRACK_IDS", 3)
    numbers = track_ids()
    assert [next(numbers) for _ in range(4)] == [0, 1, 2, 0]


@given(
    st.lists(
        st.tuples(st.floats(-200, 900), st.floats(-200, 700), st.floats(-2000, 2000)), max_size=6
    ),
    st.lists(st.floats(-5, 5), min_size=1, max_size=6),
    st.integers(1, 4),
)
@settings(deadline=None, max_examples=60)
def test_any_motion_at_any_time_gives_results_that_fit_their_message(
    objects: list[tuple[float, float, float]], steps: list[float], most: int
) -> None:
    things = [Thing(lambda t, o=o: (o[0] + o[2] * t, o[1])) for o in objects]
    camera = Camera(World(*things, noise=1.0), max_instances=most)
    for step in steps:
        found = camera.look(step)
        ids = [one.track_id for one in found]
        assert len(set(ids)) == len(ids) <= most
        for one in found:
            assert np.isfinite(one.keypoints).all()
            assert np.isfinite(one.velocities).all()
            assert one.velocities.shape == one.keypoints.shape
            assert one.age >= 0
            assert ((one.scores >= 0) & (one.scores <= 1)).all()


def test_a_search_beside_what_is_in_view_goes_on_between_images() -> None:
    first = Thing(lambda t: (100 + 40 * t, 200))
    second = Thing(lambda t: (400, 200 + 30 * t), visible=lambda t: t > 0.15)
    camera = Camera(World(first, second), between=True)
    camera.look()
    shown: list[int] = []

    def look_thrice() -> None:
        for _ in range(3):
            shown.append(len(camera.look()))
        assert camera.later == []  # not one for each image

    camera.between = look_thrice
    for _ in range(4):  # each is for a part of the sizes
        camera.world.spent += 10  # since the search before
        camera.look()
        camera.later.pop()()
    assert shown[:3] == [1] * 3
    assert shown[-3:] == [2] * 3
    assert camera.numbers_of(camera.look()) == {0: 0, 1: 1}


def test_a_search_goes_on_between_images_while_another_camera_sees_objects() -> None:
    thing = Thing(lambda t: (100, 200), visible=lambda t: t > 0.55)
    camera = Camera(World(thing), between=True)
    camera.elsewhere = True
    assert camera.look() == []
    assert len(camera.world.searched) == 1  # at once, for it was in no image yet
    assert camera.look() == []
    assert camera.later == []  # a rest
    for found in (0, 1):
        camera.world.spent += 10
        camera.look()
        assert len(camera.later) == 1
        camera.look()
        assert len(camera.later) == 1  # not one for each image
        camera.later.pop()()
        assert len(camera.look()) == found
    camera.elsewhere = False
    thing.visible = lambda t: False
    for _ in range(20):
        camera.look()
    searched = len(camera.world.searched)
    camera.look()
    assert len(camera.world.searched) == searched + 1


def found_between(camera: Camera, images: int) -> None:
    """Searches the third image, while so many others come."""
    camera.look()
    for count in (0, images):  # for large objects; then for such as the one in view
        camera.world.spent += 10
        camera.look()
        camera.between = lambda count=count: [camera.look() for _ in range(count)]
        camera.later.pop()()


def test_an_object_found_between_images_is_where_it_was_in_its_own_image() -> None:
    moving = Thing(lambda t: (200 + 80 * t, 200), visible=lambda t: t > 0.25)
    camera = Camera(World(Thing(lambda t: (100, 400)), moving), between=True)
    found_between(camera, images=4)
    for _ in range(3):
        one = next(each for each in camera.look() if each.track_id == 1)
        assert not one.predicted
        assert np.median(one.velocities[:, 0]) == pytest.approx(80, rel=0.15)
    assert one.age == pytest.approx(0.7)  # since it was seen first


def test_what_was_found_again_during_a_search_is_not_found_twice() -> None:
    still = Thing(lambda t: (100, 400), visible=lambda t: t < 0.35)
    moving = Thing(lambda t: (200 + 80 * t, 200), colour=BLUE, visible=lambda t: t > 0.25)
    camera = Camera(World(still, moving), between=True)
    found_between(camera, images=3)
    assert {one.track_id for one in camera.look()} == {0, 1}


def test_the_time_of_images_between_the_steps_is_none_of_the_search() -> None:
    camera = Camera(World(Thing(lambda t: (100, 200))), between=True)
    camera.look()

    def look() -> None:
        camera.look()
        camera.world.spent += 100

    camera.between = look
    camera.world.spent += 10
    camera.look()
    camera.later.pop()()
    camera.world.spent += 10  # as much rest as the search itself needs
    camera.look()
    assert len(camera.later) == 1


@pytest.mark.parametrize("how", ["removed", "another size"])
def test_what_was_searched_before_a_change_is_not_taken_after_it(how: str) -> None:
    later = Thing(lambda t: (400, 200), visible=lambda t: t > 0.25)
    world = World(Thing(lambda t: (100, 200)), later)
    camera = Camera(world, between=True)
    camera.look()
    world.spent += 10
    camera.look()
    camera.later.pop()()  # for large objects; the next one is for such as the one in view
    world.spent += 10
    camera.look()

    def change() -> None:
        if how == "removed":
            camera.tracker.forget("cup")
        else:
            world.size = (320, 240)
            world.things.clear()
            assert camera.look() == []

    camera.between = change
    camera.later[0]()
    world.things.clear()
    assert [one for one in camera.look() if not one.predicted] == []
    assert camera.look() == []


def test_a_search_beside_what_is_in_view_is_for_a_part_of_the_sizes_all_of_them_in_turn() -> None:
    later = Thing(lambda t: (300, 200), "mug", visible=lambda t: t > 2)
    world = World(Thing(lambda t: (100, 200)), later)
    camera = Camera(world, category("cup"), category("mug"))
    for _ in range(60):
        objects = camera.look()
        world.spent += 1
    assert {one.category for one in objects} == {"cup", "mug"}
    assert world.sides.count(ALL_SIDES) == 1
    least, most = (np.array(each) for each in zip(*world.sides, strict=True))
    assert min(least) == 0
    assert max(most) == ALL_SIDES[1]


def test_a_search_for_what_was_removed_before_it_began_is_none() -> None:
    camera = Camera(World(Thing(lambda t: (100, 200))), between=True)
    camera.look()
    camera.world.spent += 10
    camera.look()
    searched = len(camera.world.searched)
    camera.tracker.forget("cup")
    camera.later.pop()()
    assert len(camera.world.searched) == searched


def test_a_category_replaced_during_a_search_is_searched_with_the_next_image() -> None:
    mug = Thing(lambda t: (300, 200), "mug", visible=lambda t: False)
    world = World(Thing(lambda t: (100, 200)), mug)
    camera = Camera(world, category("mug"), category("cup"), between=True)
    camera.look()
    camera.look()
    for _ in range(4):  # the searches take turns; each time the mug is replaced meanwhile
        world.spent += 10
        camera.look()
        camera.between = lambda: camera.tracker.forget("mug")
        camera.later.pop()()
        urgent = len(world.searched)
        camera.look()
        assert world.searched[urgent:] == [["mug"]]
    mug.visible = lambda t: True
    camera.tracker.forget("mug")
    assert {one.category for one in camera.look()} == {"cup", "mug"}


def test_an_image_that_comes_late_moves_nothing_twice() -> None:
    thing = Thing(lambda t: (100 + 100 * t, 200))
    camera = Camera(World(thing))
    for _ in range(10):
        camera.look()
    newest = camera.stamp
    camera.look(0.0, stamp=newest - 0.5)
    camera.stamp = newest
    thing.visible = lambda t: False
    (one,) = camera.look()
    assert one.predicted
    error = np.linalg.norm(one.keypoints - thing.points(camera.world.time), axis=1)
    assert error.max() < 5
