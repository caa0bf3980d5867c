from __future__ import annotations

from cape_ros.ros.meters import CameraMeter, Rate, StampWatch, percentiles
from cape_ros.ros.pairing import Pairing


class Pairs:
    def __init__(self, most: int = 3) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.lost = 0
        self.pairing: Pairing[str, str] = Pairing(
            most, lambda image, boxes: self.pairs.append((image, boxes)), self.lose
        )

    def lose(self, images: int) -> None:
        self.lost += images


def test_each_pair_comes_once_whichever_half_is_first() -> None:
    pairs = Pairs()
    pairs.pairing.add_image(10, "a", 0)
    pairs.pairing.add_boxes(10, "A", 0)
    pairs.pairing.add_boxes(20, "B", 0)
    pairs.pairing.add_image(20, "b", 0)
    pairs.pairing.add_boxes(20, "B", 0)
    assert pairs.pairs == [("a", "A"), ("b", "B")]
    assert pairs.lost == 0


def test_the_closest_stamp_within_the_tolerance_counts() -> None:
    pairs = Pairs()
    for stamp in (10, 20, 30):
        pairs.pairing.add_image(stamp, str(stamp), 5)
    pairs.pairing.add_boxes(22, "B", 5)
    pairs.pairing.add_boxes(36, "C", 5)
    assert pairs.pairs == [("20", "B")]
    assert pairs.lost == 1  # the one of 10
    pairs.pairing.add_boxes(35, "C", 5)
    assert pairs.pairs[1:] == [("30", "C")]


def test_what_waits_is_bounded() -> None:
    pairs = Pairs(most=3)
    for stamp in range(1, 11):
        pairs.pairing.add_image(stamp, str(stamp), 0)
    for stamp in range(100, 110):
        pairs.pairing.add_boxes(stamp, str(stamp), 0)
    assert pairs.lost == 7
    pairs.pairing.add_image(107, "x", 0)
    assert pairs.pairs == [("x", "107")]
    assert pairs.lost == 10


def test_after_a_jump_nothing_old_is_paired() -> None:
    pairs = Pairs()
    pairs.pairing.add_image(50, "old", 0)
    pairs.pairing.add_boxes(60, "OLD", 0)
    pairs.pairing.jump(70, 40)
    pairs.pairing.add_boxes(50, "A", 0)
    pairs.pairing.add_image(60, "b", 0)
    assert pairs.pairs == []
    assert pairs.lost == 1


def test_boxes_that_jump_before_their_image_stay() -> None:
    pairs = Pairs()
    pairs.pairing.add_boxes(1000, "OLD", 0)
    pairs.pairing.add_boxes(10, "A", 0)
    pairs.pairing.add_boxes(20, "B", 0)
    pairs.pairing.jump(990, 10)
    pairs.pairing.add_image(10, "a", 0)
    pairs.pairing.add_image(20, "b", 0)
    pairs.pairing.add_image(1000, "c", 0)
    assert pairs.pairs == [("a", "A"), ("b", "B")]


def test_the_last_pair_before_a_jump_leaves_the_boxes_after_it() -> None:
    pairs = Pairs()
    pairs.pairing.add_boxes(900, "EARLIER", 0)
    pairs.pairing.add_boxes(1000, "LAST", 0)
    pairs.pairing.add_boxes(10, "A", 0)
    pairs.pairing.add_image(1000, "last", 0)
    pairs.pairing.jump(1000, 10)
    pairs.pairing.add_image(10, "a", 0)
    pairs.pairing.add_image(900, "x", 0)
    assert pairs.pairs == [("last", "LAST"), ("a", "A")]


def test_stamps_that_are_zero_or_jump_back() -> None:
    watch = StampWatch()
    assert [watch.see(stamp) for stamp in (5, 6, 6, 0, 7, 3, 4)] == [None] * 5 + [7, None]
    assert (watch.zeros, watch.jumps) == (1, 1)


def test_a_rate_is_that_of_the_last_seconds() -> None:
    now = 0.0
    rate = Rate(window=5.0, clock=lambda: now)
    shown = []
    for second in range(1, 21):
        now = float(second)
        shown.append(rate(30 * min(second, 10)))
    assert shown[:10] == [30.0] * 10
    assert shown[-1] == 0.0


def test_the_age_of_a_zero_stamp_is_unknown() -> None:
    meter = CameraMeter()
    meter.sent(0, 10**9)
    meter.sent(10**9, 3 * 10**9)
    assert meter.published == 2
    assert percentiles(list(meter.ages)) == (2.0, 2.0)
    assert percentiles([]) is None
