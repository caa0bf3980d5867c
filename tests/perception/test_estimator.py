from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from cape_ros.core.errors import DeviceError, InvalidInput
from cape_ros.model import CapeFormer, CapeFormerConfig
from cape_ros.model.scores import Calibration
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.geometry import LONGEST_SIDE, Crop, clean_box
from cape_ros.perception.inference import batching, device
from cape_ros.perception.inference.batching import LARGEST_BATCH
from cape_ros.perception.inference.network import Network
from cape_ros.perception.objects import ObjectRequest
from cape_ros.perception.trust import Trust
from cape_ros.perception.warm_up import warm_up

CONFIG = CapeFormerConfig(
    backbone="resnet18", stride=16, image_size=(64, 64), width=32, heads=4, feedforward=48
)


def make_estimator(**options: str) -> Estimator:
    torch.manual_seed(0)
    net = CapeFormer(CONFIG)
    for head in net.decoder.offset_heads:
        torch.nn.init.normal_(head[-1].weight)
    return Estimator(net, Calibration(), **options)


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return make_estimator(device="cpu")


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)


def category(
    image: np.ndarray, keypoints: int = 4, shots: int = 1, name: str = "cup", seed: int = 0
) -> Category:
    rng = np.random.default_rng(seed)
    return Category(
        name=name,
        keypoint_names=[f"k{i}" for i in range(keypoints)],
        shots=[
            SupportShot(image, rng.uniform(20, 70, (keypoints, 2)), box=(10, 10, 70, 70))
            for _ in range(shots)
        ],
    )


BOXES = [(0, 0, 60, 60), (30, 20, 80, 50), (5, 40, 40, 40)]


def test_the_answer_is_in_image_pixels_and_in_order(
    estimator: Estimator, image: np.ndarray
) -> None:
    cups = [category(image, 3, seed=s) for s in range(3)]
    found = estimator.estimate(
        image, [ObjectRequest(c, b) for c, b in zip(cups, BOXES, strict=True)]
    )
    assert len(found) == 3
    for answer, box in zip(found, BOXES, strict=True):
        crop = Crop.of_box(clean_box(box, 120, 90))
        low, high = crop.to_image(np.array([[0, 0], [1, 1]]))
        assert answer.keypoints.shape == (3, 2)
        assert (answer.keypoints >= low - 1e-3).all()
        assert (answer.keypoints <= high + 1e-3).all()
        assert ((answer.scores >= 0) & (answer.scores <= 1)).all()


def test_one_batch_or_one_by_one(estimator: Estimator, image: np.ndarray) -> None:
    """Categories with different numbers of keypoints, and boxes that are shared, in one batch."""
    cups = [category(image, k, name=f"c{k}") for k in (1, 5, 3, 5)]
    boxes = [BOXES[0], BOXES[1], BOXES[0], BOXES[2]]
    requests = [ObjectRequest(c, b) for c, b in zip(cups, boxes, strict=True)]
    together = estimator.estimate(image, requests)
    for request, answer in zip(requests, together, strict=True):
        (alone,) = estimator.estimate(image, [request])
        assert answer.category == request.category.name
        np.testing.assert_allclose(answer.keypoints, alone.keypoints, atol=1e-2)
        np.testing.assert_allclose(answer.scores, alone.scores, atol=1e-4)


def test_more_objects_than_a_batch_holds_are_split(estimator: Estimator, image: np.ndarray) -> None:
    cup = category(image)
    rng = np.random.default_rng(1)
    boxes = [(*rng.uniform(0, 60, 2), 30, 30) for _ in range(LARGEST_BATCH + 3)]
    found = estimator.estimate(image, [ObjectRequest(cup, box) for box in boxes])
    assert [f.box[0] for f in found] == pytest.approx([box[0] for box in boxes])


def test_no_objects_no_work(estimator: Estimator, image: np.ndarray) -> None:
    assert estimator.estimate(image, []) == []


def test_a_bgr_view_is_read_as_the_image_it_is(estimator: Estimator, image: np.ndarray) -> None:
    request = ObjectRequest(category(image), BOXES[0])
    stored_as_bgr = np.ascontiguousarray(image[..., ::-1])
    (rgb,) = estimator.estimate(image, [request])
    (bgr,) = estimator.estimate(stored_as_bgr[..., ::-1], [request])
    np.testing.assert_array_equal(rgb.keypoints, bgr.keypoints)


def test_a_part_of_a_larger_image_is_not_copied(estimator: Estimator, image: np.ndarray) -> None:
    padded = np.zeros((90, 128, 3), np.uint8)
    padded[:, :120] = image
    request = ObjectRequest(category(image), BOXES[1])
    (whole,) = estimator.estimate(image, [request])
    (view,) = estimator.estimate(padded[:, :120], [request])
    np.testing.assert_array_equal(whole.keypoints, view.keypoints)


def test_four_channels_are_read_without_the_fourth(estimator: Estimator, image: np.ndarray) -> None:
    request = ObjectRequest(category(image), BOXES[1])
    rgba = np.dstack([image, image[..., :1]])
    bgra = np.dstack([image[..., ::-1], image[..., :1]])
    (expected,) = estimator.estimate(image, [request])
    for view in (rgba[..., :3], bgra[..., 2::-1]):
        (found,) = estimator.estimate(view, [request])
        np.testing.assert_array_equal(found.keypoints, expected.keypoints)


def test_the_longest_image_can_be_estimated(estimator: Estimator, image: np.ndarray) -> None:
    long = np.zeros((4, LONGEST_SIDE, 3), np.uint8)
    for view in (long, long.transpose(1, 0, 2)):
        height, width = view.shape[:2]
        box = (0, 0, width, height)
        (found,) = estimator.estimate(view, [ObjectRequest(category(image), box)])
        assert np.isfinite(found.keypoints).all()
    longer = np.zeros((4, LONGEST_SIDE + 1, 3), np.uint8)
    with pytest.raises(InvalidInput, match="image"):
        estimator.estimate(longer, [])


def test_shots_are_averaged_where_they_show_a_keypoint(image: np.ndarray) -> None:
    estimator = make_estimator(device="cpu")
    points = np.array([(30, 30), (60, 60)])
    one = SupportShot(image, points, visible=[True, False], box=(10, 10, 70, 70))
    other = SupportShot(image[::-1].copy(), points, box=(10, 10, 70, 70))

    def tokens(*shots: SupportShot) -> torch.Tensor:
        return estimator.encode(Category("cup", ["a", "b"], shots=shots)).tokens[0]

    both, first, second = tokens(one, other), tokens(one), tokens(other)
    assert torch.allclose(both[0], (first[0] + second[0]) / 2, atol=1e-5)
    assert torch.allclose(both[1], second[1], atol=1e-5)


def test_a_keypoint_that_no_shot_shows_has_score_zero(
    estimator: Estimator, image: np.ndarray
) -> None:
    shot = SupportShot(image, [(30, 30), (0, 0)], visible=[True, False], box=(10, 10, 70, 70))
    (found,) = estimator.estimate(
        image, [ObjectRequest(Category("cup", ["a", "b"], shots=[shot]), BOXES[0])]
    )
    assert found.scores[0] > 0
    assert found.scores[1] == 0


def test_the_support_is_encoded_once(image: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = make_estimator(device="cpu")
    calls = []
    pool = CapeFormer.pool
    monkeypatch.setattr(CapeFormer, "pool", lambda *args: calls.append(1) or pool(*args))
    cup = category(image, shots=10)
    for _ in range(3):
        estimator.estimate(image, [ObjectRequest(cup, BOXES[0])])
    assert len(calls) == 2  # ten shots, eight at a time


def test_registered_by_name(image: np.ndarray) -> None:
    estimator = make_estimator(device="cpu")
    cup = category(image)
    estimator.register(cup)
    (by_name,) = estimator.estimate(image, [ObjectRequest("cup", BOXES[0])])
    (by_value,) = estimator.estimate(image, [ObjectRequest(cup, BOXES[0])])
    np.testing.assert_array_equal(by_name.keypoints, by_value.keypoints)
    estimator.forget("cup")
    with pytest.raises(InvalidInput, match="known: none"):
        estimator.estimate(image, [ObjectRequest("cup", BOXES[0])])


def test_every_wrong_request_is_named(estimator: Estimator, image: np.ndarray) -> None:
    cup = category(image)
    with pytest.raises(InvalidInput) as error:
        estimator.estimate(
            image,
            [
                ObjectRequest("mug", BOXES[0]),
                ObjectRequest(cup, (0, 0, 0, 5)),
                ObjectRequest(cup, (500, 0, 10, 10)),
                ObjectRequest(cup, None),
                ObjectRequest(cup, ("a", 0, 10, 10)),
                ObjectRequest(cup, BOXES[0]),
            ],
        )
    fields = [fault.field for fault in error.value.faults]
    assert fields == ["requests[0].category", *(f"requests[{i}].box" for i in range(1, 5))]


@pytest.mark.parametrize(
    "image", [np.zeros((0, 5, 3), np.uint8), np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3))]
)
def test_wrong_images(estimator: Estimator, image: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="image"):
        estimator.estimate(image, [])


@pytest.mark.parametrize(
    ("name", "precision", "match"),
    [
        ("cuda:77", "float32", "cuda:77"),
        ("toaster", "float32", "toaster"),
        ("meta", "float32", "meta"),
        ("hpu", "float32", "hpu"),  # of a package that is not there
        ("cpu", "float16", "needs a GPU"),
        ("cpu", "int3", "not one of"),
        ("openvino", "float16", "openvino|needs a GPU"),
    ],
)
def test_a_device_or_precision_that_is_not_there(name: str, precision: str, match: str) -> None:
    with pytest.raises(DeviceError, match=match):
        make_estimator(device=name, precision=precision)


def test_more_keypoints_than_the_network_can_order(image: np.ndarray) -> None:
    few = Estimator(CapeFormer(replace(CONFIG, order_length=3)), Calibration(), "cpu")
    warm_up(few, (90, 120), keypoints=20)
    few.register(category(image, keypoints=3))
    with pytest.raises(InvalidInput, match=r"cup has 4, these weights were made for 3 at most"):
        few.register(category(image, keypoints=4))


def test_inspection_of_a_network_of_one_stage(image: np.ndarray) -> None:
    one_stage = Estimator(CapeFormer(replace(CONFIG, decoder_layers=0)), Calibration(), "cpu")
    seen = one_stage.inspect(image, ObjectRequest(category(image), BOXES[0]))
    assert seen.encoder.any()
    assert not seen.decoder.any()
    np.testing.assert_array_equal(seen.points, seen.proposals)


def test_inspection_shows_the_attention(estimator: Estimator, image: np.ndarray) -> None:
    seen = estimator.inspect(image, ObjectRequest(category(image), BOXES[0]))
    assert seen.crop.shape == (64, 64, 3)
    assert seen.evidence.shape == seen.encoder.shape == seen.decoder.shape == (4, 4, 4)
    best = seen.evidence.reshape(4, -1).argmax(axis=1)
    centre = np.stack((best % 4, best // 4), axis=1) * 16 + 8
    assert (np.abs(seen.proposals - centre) <= 16).all()


def test_what_was_spent_adds_up(estimator: Estimator, image: np.ndarray) -> None:
    cup = category(image)
    before = estimator.spent
    estimator.estimate(image, [])
    assert estimator.spent == before
    spent = []
    for _ in range(2):
        estimator.estimate(image, [ObjectRequest(cup, BOXES[0])])
        spent.append(estimator.spent - before)
    assert 0 < spent[0].preprocess < spent[1].preprocess
    assert 0 < spent[0].network < spent[1].network
    with pytest.raises(InvalidInput):
        estimator.estimate(image, [ObjectRequest("mug", BOXES[0])])
    assert estimator.spent - before == spent[1]


def test_a_stand_in_can_be_searched_and_leaves_nothing_behind(image: np.ndarray) -> None:
    estimator = make_estimator(device="cpu")
    nothing = estimator.stand_in(7)
    (found,) = estimator.estimate(image, [ObjectRequest(nothing, BOXES[0])])
    assert found.keypoints.shape == (7, 2)
    with pytest.raises(InvalidInput, match="known: none"):
        estimator.estimate(image, [ObjectRequest(nothing.name, BOXES[0])])
    del nothing, found
    assert len(estimator._tokens) == 0


class ShortOfMemory:
    """Stands before a network, and has room for so many objects."""

    def __init__(self, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[int] = []
        self.room = room
        extract = Network.extract

        def limited(network: Network, images: torch.Tensor, support: bool = False) -> torch.Tensor:
            self.batches.append(len(images))
            if len(images) > self.room:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            return extract(network, images, support)

        monkeypatch.setattr(Network, "extract", limited)


def test_short_of_memory_it_goes_on_in_smaller_batches(
    image: np.ndarray, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    estimator = make_estimator(device="cpu")
    cup, rng = category(image), np.random.default_rng(1)
    wanted = [ObjectRequest(cup, (*rng.uniform(0, 60, 2), 30, 30)) for _ in range(20)]
    expected = estimator.estimate(image, wanted)
    memory = ShortOfMemory(5, monkeypatch)
    for _ in range(2):
        found = estimator.estimate(image, wanted)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one.keypoints, other.keypoints, atol=1e-2)
    assert estimator.largest_batch == 4
    assert memory.batches == [20, 16, 8, *[4] * 5, *[4] * 5]  # found out once, then remembered
    assert len(caplog.records) == 1
    assert "smaller batches" in caplog.text


def test_supports_are_rotated_with_what_memory_there_is(
    image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    estimator = Estimator(CapeFormer(replace(CONFIG, layout=True)), Calibration(), "cpu")
    cup = category(image, shots=3)
    expected = estimator.encode(cup)
    _, better = estimator.encode_upright(cup)
    memory = ShortOfMemory(2, monkeypatch)
    next(better)
    memory.room = 1
    *_, tokens = better
    assert estimator.largest_batch == 1
    assert memory.batches[-4:] == [1] * 4
    for one, other in zip(tokens.rotated, expected.rotated, strict=True):
        torch.testing.assert_close(one.tokens, other.tokens, atol=1e-5, rtol=1e-5)
    _, better = estimator.encode_upright(cup)
    memory.room = 0
    with pytest.raises(DeviceError, match="no memory left for one object"):
        next(better)


def test_memory_that_comes_back_is_used_again(
    image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "BATCH_REGROWTH_INTERVAL", 4)
    estimator = make_estimator(device="cpu")
    cup = category(image)
    estimator.encode(cup)
    wanted = [ObjectRequest(cup, (at, at, 30, 30)) for at in range(32)]
    memory = ShortOfMemory(16, monkeypatch)
    for _ in range(3):
        estimator.estimate(image, wanted)
    assert memory.batches == [32, *[16] * 4, 32, 16, 16]  # tried, and still too much
    memory.room = 32
    for _ in range(2):
        estimator.estimate(image, wanted)
    assert memory.batches[-3:] == [16, 16, 32]
    assert estimator.largest_batch == 32


def test_no_memory_even_for_one_object(image: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = make_estimator(device="cpu")
    nothing = estimator.stand_in(3)
    ShortOfMemory(0, monkeypatch)
    with pytest.raises(DeviceError, match="no memory left for one object"):
        estimator.estimate(image, [ObjectRequest(nothing, BOXES[0])])


def test_a_device_that_was_named_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert make_estimator(device="auto").device.type == "cpu"
    with pytest.raises(DeviceError, match="cuda"):
        make_estimator(device="cuda")


def test_bfloat16_where_the_processor_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_has_bfloat16", lambda place: False)
    with pytest.raises(DeviceError, match="this CPU lacks it"):
        make_estimator(device="cpu", precision="bfloat16")


def test_the_network_that_was_given_stays_as_it_is(image: np.ndarray) -> None:
    torch.manual_seed(0)
    net = CapeFormer(CapeFormerConfig(backbone="mobilenet_v2", image_size=(64, 64))).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    estimator = Estimator(net, Calibration(), "cpu")
    estimator.estimate(image, [ObjectRequest(category(image), BOXES[0])])
    after = net.state_dict()
    assert net.training
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_what_is_not_in_the_image_has_no_score(estimator: Estimator, image: np.ndarray) -> None:
    missing = estimator.find(image, category(image), Trust(presence_threshold=1.1))
    assert missing.score == 0
    assert (missing.scores == 0).all()
    assert missing.keypoints.shape == (4, 2)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (np.zeros((90, 120), np.uint8), "is not height x width x 3"),
        (np.zeros((90, 120, 3), np.float32), "give uint8 RGB"),
        (np.zeros((2, 120, 3), np.uint8), "too few to search in"),
        (None, "is not height x width x 3"),
    ],
)
def test_an_image_that_cannot_be_searched_is_named(
    estimator: Estimator, image: np.ndarray, wrong: Any, reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        estimator.find(wrong, category(image))


def test_a_name_is_found_once_it_is_registered(image: np.ndarray) -> None:
    estimator = make_estimator(device="cpu")
    with pytest.raises(InvalidInput, match="'cup' is not registered"):
        estimator.find(image, "cup")
    estimator.register(category(image))
    assert estimator.find(image, "cup").category == "cup"


@pytest.mark.parametrize("category", [None, 3, b"cup", ["cup"]])
def test_a_request_for_what_is_no_category(
    estimator: Estimator, image: np.ndarray, category: Any
) -> None:
    with pytest.raises(InvalidInput, match="neither a category nor the name of one"):
        estimator.estimate(image, [ObjectRequest(category, (0, 0, 60, 60))])


def test_threads_that_share_an_estimator_get_their_own_answers() -> None:
    estimator = make_estimator(device="cpu")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8, 90, 120, 3), dtype=np.uint8)
    estimator.register(category(images[0]))

    def ask(number: int) -> np.ndarray:
        request = ObjectRequest("cup", BOXES[number % len(BOXES)])
        return estimator.estimate(images[number % 8], [request])[0].keypoints

    expected = [ask(number) for number in range(24)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(24)))
    for answer, right in zip(answers, expected, strict=True):
        np.testing.assert_allclose(answer, right, atol=1e-3)


@pytest.mark.parametrize("part", ["backbone", "decoder"])
def test_what_the_network_computes_is_a_number_or_an_error(image: np.ndarray, part: str) -> None:
    """As of weights that overflow in half precision, or on a faulty device."""
    net = CapeFormer(CONFIG)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name.startswith(part):
                parameter.fill_(float("inf"))
    estimator = Estimator(net, Calibration(), "cpu")
    with pytest.raises(DeviceError, match=r"NaN or infinity.*precision float32"):
        estimator.estimate(image, [ObjectRequest(category(image), BOXES[0])])
    if part == "backbone":
        with pytest.raises(DeviceError, match="NaN or infinity"):
            estimator.register(category(image))
