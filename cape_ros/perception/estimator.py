"""Find the keypoints of objects in images: every object of a frame in one batch.

A category is encoded once (`encode`); a frame then costs one pass over its crops. Whoever owns an
`Estimator` calls it from one thread.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from cape_ros.errors import Fault, InvalidInput
from cape_ros.model import CapeFormer, checkpoints
from cape_ros.model import weights as known_weights
from cape_ros.model.layout import Layouts
from cape_ros.model.scores import Calibration
from cape_ros.model.tokens import KeypointTokens, average_shots, stack_tokens
from cape_ros.perception.category import Category, image_faults
from cape_ros.perception.device import find_device, find_precision
from cape_ros.perception.geometry import Box, Crop, clean_box, crop_image, support_heatmaps
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest
from cape_ros.perception.timing import Timing

LARGEST_BATCH = 32  # crops in one pass; more are split
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True)
class Inspection:
    """What the network saw and how it decided, for one object (supplementary, Figures A5-A7).

    crop: [H, W, 3] uint8 RGB. evidence: [K, h, w], the logits that the proposals are the best of.
    encoder, decoder: [K, h, w], attention of the last layer. proposals, points: [K, 2] pixels of
    the crop.
    """

    crop: np.ndarray
    evidence: np.ndarray
    encoder: np.ndarray
    decoder: np.ndarray
    proposals: np.ndarray
    points: np.ndarray


class Estimator:
    """A network on a device, and the tokens of the categories that it was shown.

    spent: by all calls of `estimate` so far; what one frame took is the difference.
    """

    def __init__(
        self,
        net: CapeFormer,
        calibration: Calibration,
        device: str = "auto",
        precision: str = "float32",
    ):
        """Raises `DeviceError` if the device or the precision is not to be had."""
        self.device = find_device(device)
        self._autocast = find_precision(precision, self.device)
        self._net = net.to(self.device).to(memory_format=torch.channels_last).eval()
        self._calibration = calibration
        self._tokens: WeakKeyDictionary[Category, KeypointTokens] = WeakKeyDictionary()
        self._registered: dict[str, Category] = {}
        self.spent = Timing()
        height, width = net.config.image_size
        self._crops = np.empty((LARGEST_BATCH, height, width, 3), np.uint8)
        self._mean = torch.tensor(IMAGENET_MEAN, device=self.device).view(3, 1, 1)
        self._std = torch.tensor(IMAGENET_STD, device=self.device).view(3, 1, 1)

    @classmethod
    def load(
        cls,
        weights: str | Path | None = None,
        device: str = "auto",
        precision: str = "float32",
    ) -> Estimator:
        """With the shipped weights, or those of a file or a name that `cape weights list` shows.

        device: "auto" (CUDA if there is one), or any that torch names. precision: float32, or
        float16 or bfloat16 where the device has it. Raises `CheckpointError`, `DeviceError`.
        """
        net, facts = checkpoints.load(known_weights.find(weights))
        return cls(net, Calibration.from_facts(facts), device, precision)

    @torch.inference_mode()
    def encode(self, category: Category) -> KeypointTokens:
        """The category's keypoint tokens, averaged over the shots that show each keypoint."""
        if (tokens := self._tokens.get(category)) is not None:
            return tokens
        if not category.shots:
            raise InvalidInput.of("shots", f"{category.name} has none; register at least one")
        shots = [self._encode_shots(category, at) for at in range(0, len(category.shots), 8)]
        tokens = average_shots(shots)
        self._tokens[category] = tokens
        return tokens

    def register(self, category: Category, tokens: KeypointTokens | None = None) -> None:
        """Find the category by its name from now on.

        tokens: those of the same shots, where `encode` computed them already.
        """
        self._tokens[category] = tokens or self.encode(category)
        self._registered[category.name] = category

    def forget(self, name: str) -> None:
        """Do not know this name any more; nothing happens if it was not known."""
        self._registered.pop(name, None)

    def estimate(
        self, image: np.ndarray, requests: Sequence[ObjectRequest]
    ) -> list[ObjectKeypoints]:
        """Find each requested object in `image`, HxWx3 uint8 RGB; one answer per request, in order.

        Raises `InvalidInput` that names every request with an unknown category or an impossible
        box.
        """
        check_image(image)
        categories, boxes = self._check(image, requests)
        found: list[ObjectKeypoints] = []
        for at in range(0, len(requests), LARGEST_BATCH):
            chunk = slice(at, at + LARGEST_BATCH)
            points, scores = self._predict(image, categories[chunk], boxes[chunk])
            for category, box, point, score in zip(
                categories[chunk], boxes[chunk], points, scores, strict=True
            ):
                count = len(category.keypoint_names)
                found.append(
                    ObjectKeypoints(
                        category.name,
                        category.version,
                        box,
                        Crop.of_box(box, self.crop_size).to_image(point[:count]),
                        score[:count],
                    )
                )
        return found

    def stand_in(self, keypoints: int) -> Category:
        """A category of nothing, to warm up with: it can be looked for and is never found."""
        category = Category("stand-in", [f"keypoint {index}" for index in range(keypoints)])
        tokens = torch.zeros(1, keypoints, self._net.config.width, device=self.device)
        known = torch.ones(1, keypoints, dtype=torch.bool, device=self.device)
        nowhere = Layouts(tokens.new_zeros(1, 1, keypoints, 2), ~known[None])
        layouts = nowhere if self._net.config.layout else None
        self._tokens[category] = KeypointTokens(tokens, known, layouts)
        return category

    @torch.inference_mode()
    def inspect(self, image: np.ndarray, request: ObjectRequest) -> Inspection:
        """How the network finds one object; slower than `estimate`, for a person to look at."""
        check_image(image)
        (category,), (box,) = self._check(image, [request])
        features = self._net.extract(self._upload(self._cut(image, [box])))
        output = self._net.match(features, self.encode(category), attention=True)
        assert output.attention is not None
        scale = np.array(self.crop_size[::-1], np.float32)

        def numpy(tensor: Tensor) -> np.ndarray:
            return tensor.float().cpu().numpy()

        return Inspection(
            self._crops[0].copy(),
            numpy(output.evidence[0]),
            numpy(output.attention.encoder[-1, 0]),
            numpy(output.attention.decoder[-1, 0]),
            numpy(output.proposals[0]) * scale,
            numpy(output.points[-1, 0]) * scale,
        )

    @property
    def crop_size(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        return self._net.config.image_size

    def _encode_shots(self, category: Category, at: int) -> KeypointTokens:
        """Tokens of up to 8 shots from `at` on, one sample each."""
        shots, config = category.shots[at : at + 8], self._net.config
        maps, shown = [], []
        for index, shot in enumerate(shots):
            height, width = shot.image.shape[:2]
            crop = Crop.of_box(clean_box(shot.box, width, height), self.crop_size)
            crop_image(shot.image, crop, out=self._crops[index])
            points = crop.to_crop(shot.keypoints)
            heatmaps, weight = support_heatmaps(
                points,
                shot.visible,
                self.crop_size,
                sigma=config.mask_sigma,
                rounded=config.round_masks,
            )
            maps.append(heatmaps)
            shown.append(weight)
        images = self._upload(self._crops[: len(shots)])
        marked = torch.from_numpy(np.stack(maps)).to(self.device)
        known = torch.from_numpy(np.stack(shown)).to(self.device)
        return self._net.encode_support([images], [marked], [known])

    def _check(
        self, image: np.ndarray, requests: Sequence[ObjectRequest]
    ) -> tuple[list[Category], list[Box]]:
        faults, categories, boxes = [], [], []
        height, width = image.shape[:2]
        for index, request in enumerate(requests):
            category = request.category
            if isinstance(category, str):
                if category not in self._registered:
                    known = ", ".join(self._registered) or "none"
                    faults.append(
                        Fault(
                            f"requests[{index}].category",
                            f"{category!r} is not registered (known: {known})",
                        )
                    )
                    continue
                category = self._registered[category]
            try:
                boxes.append(clean_box(request.box, width, height))
            except InvalidInput as error:
                faults += [Fault(f"requests[{index}].{f.field}", f.reason) for f in error.faults]
            categories.append(category)
        if faults:
            raise InvalidInput(faults)
        return categories, boxes

    @torch.inference_mode()
    def _predict(
        self, image: np.ndarray, categories: Sequence[Category], boxes: Sequence[Box]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Points [N, K, 2] in [0, 1] of each crop, and scores [N, K]."""
        crops = list(dict.fromkeys(boxes))
        began = time.perf_counter()
        pixels = self._upload(self._cut(image, crops))
        uploaded = time.perf_counter()
        with torch.autocast(self.device.type, self._autocast, enabled=self._autocast is not None):
            features = self._net.extract(pixels)
            if len(crops) < len(boxes):  # several categories are looked for in one window
                features = features[[crops.index(box) for box in boxes]]
            tokens = stack_tokens([self.encode(category) for category in categories])
            output = self._net.match(features, tokens)
        scores = self._calibration(output, tokens.mask)
        answer = output.points[-1].float().cpu().numpy(), scores.float().cpu().numpy()
        self.spent += Timing(uploaded - began, time.perf_counter() - uploaded)
        return answer

    def _cut(self, image: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
        """Crops [N, H, W, 3] RGB, in memory that the next call uses again."""
        crops = self._crops[: len(boxes)]
        # A camera's BGR image is a view with its channels reversed: OpenCV needs it unreversed.
        backwards = image.strides[2] < 0
        source = image[..., ::-1] if backwards else image
        if source.strides[1:] != (3, 1):  # of four channels: OpenCV would copy it for every box
            source = np.ascontiguousarray(source)
        for box, crop in zip(boxes, crops, strict=True):
            crop_image(source, Crop.of_box(box, self.crop_size), out=crop)
        if backwards:
            crops[...] = crops[..., ::-1].copy()
        return crops

    def _upload(self, crops: np.ndarray) -> Tensor:
        pixels = torch.from_numpy(crops).to(self.device).permute(0, 3, 1, 2)
        return (pixels.float() - self._mean) / self._std


def check_image(image: np.ndarray) -> None:
    """Raises `InvalidInput` unless `image` is HxWx3 uint8 with pixels in it."""
    if faults := image_faults(image):
        raise InvalidInput(faults)
