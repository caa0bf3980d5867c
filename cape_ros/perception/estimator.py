"""Estimates the keypoints of objects in images: every object of a frame in one batch.

A category is encoded once (`encode`); a frame then costs one pass over its crops. An `Estimator`
is not thread-safe: call it from one thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from operator import is_not
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from cape_ros.core.errors import InvalidInput
from cape_ros.core.pause import Pause, no_pause
from cape_ros.model import CapeFormer, checkpoints
from cape_ros.model import weights as known_weights
from cape_ros.model.cross_check import UNCHECKED, CrossCheck
from cape_ros.model.layout.layout import LANDMARKS, Layouts
from cape_ros.model.layout.rotations import (
    RotationHypothesis,
    best_of_passes,
    judge,
    not_yet_rotated,
)
from cape_ros.model.scores import Calibration
from cape_ros.model.tokens import KeypointTokens, stack_tokens
from cape_ros.perception.category import Category
from cape_ros.perception.detection.detect import find_instances
from cape_ros.perception.detection.detector import Detector
from cape_ros.perception.detection.peaks import ALL_SIDES, Sides
from cape_ros.perception.geometry import Box, Crop
from cape_ros.perception.inference.batching import LARGEST_BATCH, Batches
from cape_ros.perception.inference.crops import DeviceCrops, HostCrops
from cape_ros.perception.inference.engine import build_network
from cape_ros.perception.inference.finite import check_finite
from cape_ros.perception.inference.progress import Progress
from cape_ros.perception.inference.timing import Timing
from cape_ros.perception.objects import (
    ObjectKeypoints,
    ObjectRequest,
    absent,
    by_window,
    check_image,
    check_requests,
    registered_as,
)
from cape_ros.perception.supports import EncodedSupports, encode_shots
from cape_ros.perception.trust import Trust


@dataclass(frozen=True)
class Inspection:
    """The intermediate maps of the prediction for one object (supplementary, Figures A5-A7).

    crop: [H, W, 3] uint8 RGB. evidence: [K, h, w], the logits that the proposals are the best of.
    encoder, decoder: [K, h, w], attention of the last layer, 0 without one. proposals, points:
    [K, 2] pixels of the crop.
    """

    crop: np.ndarray
    evidence: np.ndarray
    encoder: np.ndarray
    decoder: np.ndarray
    proposals: np.ndarray
    points: np.ndarray


R = TypeVar("R")
P = ParamSpec("P")


def one_at_a_time(
    method: Callable[Concatenate[Estimator, P], R],
) -> Callable[Concatenate[Estimator, P], R]:
    """A method that waits until no other thread is in one of these."""

    @wraps(method)
    def wait(estimator: Estimator, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with estimator._lock:
            return method(estimator, *args, **kwargs)

    return wait


class Estimator:
    """Predicts the keypoints of objects: a network on a device, and the tokens of its categories.

    A category is encoded when it is first used and kept as long as the `Category` is referenced.
    Threads may share an estimator: its methods wait for each other.

    crops, network: the two steps of a frame.
    spent: seconds by all calls of `estimate` so far; what one frame took is the difference.
    progress: when its work last went on.
    """

    def __init__(
        self,
        net: CapeFormer,
        calibration: Calibration,
        device: str = "auto",
        precision: str = "float32",
    ):
        """Raises `DeviceError` if the device or the precision is not available."""
        self.network = build_network(net, calibration, device, precision)
        self.device = self.network.device
        on_gpu = self.device.type == "cuda"
        self._tokens: WeakKeyDictionary[Category, KeypointTokens] = WeakKeyDictionary()
        self._registered: dict[str, Category] = {}
        self._stacked: tuple[Sequence[KeypointTokens], KeypointTokens | None] = (), None
        self.spent = Timing()
        self.progress = Progress()
        self._batches = Batches(self.device, self.progress)
        self._prepared = False
        self._lock = threading.RLock()
        self._host_crops = HostCrops(self.crop_size, LARGEST_BATCH, self.device)
        self._detector = Detector(self.network, self._host_crops, self.progress)
        self.crops = DeviceCrops(self.crop_size, self.device) if on_gpu else self._host_crops

    @classmethod
    def load(
        cls,
        weights: str | Path | None = None,
        device: str = "auto",
        precision: str = "float32",
    ) -> Estimator:
        """An estimator with the shipped weights, those of a file, or of `cape lab weights list`.

        device: "auto" (CUDA if there is one), one that torch names, or "openvino", the CPU by
        OpenVINO: it takes some seconds to `prepare`, before that PyTorch computes in float32.
        precision: float32, or float16 or bfloat16 where the device has it.
        Raises `CheckpointError`, `DeviceError`.
        """
        net, facts = checkpoints.load(known_weights.find(weights))
        return cls(net, Calibration.from_facts(facts), device, precision)

    @one_at_a_time
    def encode(self, category: Category) -> KeypointTokens:
        """The category's keypoint tokens, averaged over the shots that show each keypoint; those of
        a registered one as they are by now.

        Raises `InvalidInput` without shots, and for more keypoints than the network can order,
        `DeviceError` where the network computes no numbers.
        """
        if category not in self._tokens:
            upright, better = self.encode_upright(category)
            self._tokens[category] = [upright, *better][-1]
        return self._tokens[category]

    @one_at_a_time
    @torch.inference_mode()
    def encode_upright(self, category: Category) -> EncodedSupports:
        """Like `encode`, but upright tokens first, and those with rotated supports step by step.

        Raises as `encode`.
        """
        if not category.shots:
            raise InvalidInput.of("shots", f"{category.name} has none; register at least one")
        count, most = len(category.keypoint_names), self.network.config.order_length
        if count > most:
            reason = f"{category.name} has {count}, these weights were made for {most} at most"
            raise InvalidInput.of("keypoint_names", reason)
        upright, better = encode_shots(
            self.network, self._host_crops, self._batches, category.shots
        )
        check_finite(upright.tokens)
        return upright, better

    @one_at_a_time
    def register(self, category: Category, tokens: KeypointTokens | None = None) -> None:
        """Register a category, so that an `ObjectRequest` can name it; replaces one of this name.

        tokens: of the same shots, if they are encoded already. Raises as `encode`.
        """
        self._tokens[category] = tokens or self.encode(category)
        self._detector.encode(category)
        self._registered[category.name] = category
        if self._prepared:
            self._prepare(len(category.keypoint_names), len(category.shots))

    @one_at_a_time
    def encode_quickly(self, category: Category) -> None:
        """Let `estimate` take a category that is not registered, upright only: an eighth of the
        time of `encode`. Raises as `encode`."""
        self._tokens[category] = self.encode_upright(category)[0]

    def check(self, name: str) -> CrossCheck:
        """The leave-one-out check of a category's shots; `UNCHECKED` if it is not registered."""
        category = self._registered.get(name)
        return self._tokens[category].check if category else UNCHECKED

    @one_at_a_time
    def prepare(self, keypoints: int = 1) -> None:
        """Record or compile all passes now, not in the first frames, and from now on in `register`.

        keypoints: of categories to come, beside those that are registered; fewer, if the network
            cannot order so many.
        """
        keypoints = min(keypoints, self.network.config.order_length)
        self._prepared = True
        self._prepare(keypoints, shots=1)
        for category in self._registered.values():
            self._prepare(len(category.keypoint_names), len(category.shots))

    def _prepare(self, keypoints: int, shots: int) -> None:
        with self.progress.compiling():
            self.network.prepare(keypoints, shots)

    def forget(self, name: str) -> None:
        """Unregister a category; no error if it is not registered."""
        self._registered.pop(name, None)

    @one_at_a_time
    def estimate(
        self, image: np.ndarray, requests: Sequence[ObjectRequest]
    ) -> list[ObjectKeypoints]:
        """The keypoints of each requested object in `image`, [H, W, 3] uint8 RGB, in order.

        Raises `InvalidInput` that names every request with an unknown category or an impossible
        box, `DeviceError` where the network computes no numbers.
        """
        categories, boxes = check_requests(image, requests, self._registered)
        predictions: list[ObjectKeypoints] = []
        for some, answers in self._batches.run(
            len(requests),
            lambda some: self._predict(image, categories[some], boxes[some]),
        ):
            for category, box, request, points, score in zip(
                categories[some], boxes[some], requests[some], *answers, strict=True
            ):
                count = len(category.keypoint_names)
                check = self._tokens[category].check
                predictions.append(
                    ObjectKeypoints(
                        category.name,
                        category.version,
                        box,
                        Crop.of_box(box, self.crop_size).to_image(points[:count]),
                        check.scores(score[:count]),
                        check.matches(score[:count]),
                        category.keypoint_names,
                        detection_id=request.detection_id,
                    )
                )
        return predictions

    @one_at_a_time
    def detect(
        self,
        image: np.ndarray,
        categories: Sequence[Category | str],
        most: int = 8,
        trust: Trust | None = None,
        known: Sequence[ObjectKeypoints] = (),
        sides: Sides = ALL_SIDES,
        between: Pause = no_pause,
    ) -> list[list[ObjectKeypoints]]:
        """The instances of each category in `image`, [H, W, 3] uint8 RGB: best first.

        categories: or the names of registered ones. most: instances of one category, at most.
        trust: each instance is at or above its presence threshold. known: objects of the image
            that need not be found again: they are not among the instances. sides: pixels, the least
            and the largest longer side of the objects' boxes. between: is called before each stage
            of the search; it may use the estimator.
        Raises `InvalidInput` for an unknown category and an image that is too small to search in.
        """
        check_image(image)
        meant = [registered_as(category, self._registered) for category in categories]
        peaks = partial(self._detector.peaks, self._detector.pyramid(image, between))

        # A CPU gains nothing from a batch, so what comes between need not wait for all of it.
        one_by_one = self.device.type == "cpu"

        def estimate(image: np.ndarray, requests: Sequence[ObjectRequest]) -> list[ObjectKeypoints]:
            answers: dict[int, ObjectKeypoints] = {}
            for some in by_window(requests) if one_by_one else [range(len(requests))]:
                between()
                found = self.estimate(image, [requests[at] for at in some])
                answers.update(zip(some, found, strict=True))
            return [answers[at] for at in range(len(requests))]

        return find_instances(estimate, peaks, image, meant, most, trust or Trust(), known, sides)

    def find(
        self, image: np.ndarray, category: Category | str, trust: Trust | None = None
    ) -> ObjectKeypoints:
        """`detect` for the best instance; if there is none, all its scores are 0, and so is its
        `score`."""
        (found,) = self.detect(image, [category], 1, trust)
        height, width = image.shape[:2]
        meant = registered_as(category, self._registered)
        return found[0] if found else absent(meant, (0.0, 0.0, float(width), float(height)))

    def stand_in(self, keypoints: int) -> Category:
        """A category without shots, to warm up with: it can be searched and is never present.

        keypoints: fewer, if the network cannot order so many.
        """
        keypoints = min(keypoints, self.network.config.order_length)
        category = Category("stand-in", [f"keypoint {index}" for index in range(keypoints)])
        config = self.network.config
        tokens = torch.zeros(1, keypoints, config.width, device=self.device)
        known = torch.ones(1, keypoints, dtype=torch.bool, device=self.device)
        nowhere = Layouts(
            tokens.new_zeros(1, 1, keypoints, 2),
            ~known[None],
            tokens.new_zeros(1, 1, LANDMARKS, 2),
            tokens.new_zeros(1, 1, LANDMARKS, config.width),
        )
        layouts = nowhere if config.layout else None
        self._tokens[category] = not_yet_rotated(KeypointTokens(tokens, known, layouts))
        return category

    @one_at_a_time
    @torch.inference_mode()
    def inspect(self, image: np.ndarray, request: ObjectRequest) -> Inspection:
        """The intermediate maps of one prediction, for debugging; slower than `estimate`."""
        (category,), (box,) = check_requests(image, [request], self._registered)
        tokens, net = self.encode(category), self.network.net
        pixels = self._host_crops.pixels(image, [box])
        features = net.extract(self._host_crops.upload(pixels))

        def forward(_: Tensor | None, tokens: KeypointTokens) -> RotationHypothesis:
            output = net.match(features, tokens, attention=True)
            assert output.attention is not None
            points, nothing = output.points[-1], torch.zeros_like(output.evidence)
            encoder, decoder = (
                maps[-1] if len(maps) else nothing
                for maps in (output.attention.encoder, output.attention.decoder)
            )
            shown = (output.evidence, encoder, decoder, output.proposals, points)
            return judge(shown, output.evidence, points, tokens)

        answers = best_of_passes(tokens, forward)
        evidence, encoder, decoder, proposals, points = (
            answer[0].float().cpu().numpy() for answer in answers
        )
        scale = np.array(self.crop_size[::-1], np.float32)
        return Inspection(
            pixels[0].copy(), evidence, encoder, decoder, proposals * scale, points * scale
        )

    @property
    def largest_batch(self) -> int:
        """Objects in one pass; fewer than at first where the GPU was short of memory."""
        return self._batches.largest

    @property
    def crop_size(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        return self.network.config.image_size

    @torch.inference_mode()
    def _predict(
        self,
        image: np.ndarray,
        categories: Sequence[Category],
        boxes: Sequence[Box],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Points [N, K, 2] in [0, 1] of each crop, and their scores [N, K], not yet checked."""
        windows = list(dict.fromkeys(boxes))
        began = time.perf_counter()
        # A new category's shots need the memory that crops and features are kept in: they go first.
        tokens = self._stack([self.encode(category) for category in categories])
        ready = time.perf_counter()
        crops = self.crops.cut(image, windows)
        cut = time.perf_counter()
        features = self.network.extract(crops)
        if len(windows) < len(boxes):  # several categories share one window
            features = features[[windows.index(box) for box in boxes]]
        points, scores = self.network.find(features, tokens)
        answer = torch.cat((points, scores[..., None]), dim=-1).cpu().numpy()
        check_finite(answer)
        self.spent += Timing(cut - ready, time.perf_counter() - cut + ready - began)
        return answer[..., :2], answer[..., 2]

    def _stack(self, each: Sequence[KeypointTokens]) -> KeypointTokens:
        """One batch of them: the last one again, where a frame asks for the same as the last."""
        before, stacked = self._stacked
        if stacked is None or len(before) != len(each) or any(map(is_not, before, each)):
            stacked = stack_tokens(each)
            self._stacked = each, stacked
        return stacked
