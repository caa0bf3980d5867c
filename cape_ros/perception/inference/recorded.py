"""Forward passes that are recorded once per input size (CUDA graphs, OpenVINO) and replayed.

They are recorded by `prepare`, never while a frame waits. A recording holds shapes but no
categories: tokens are copied in before each replay, so one that is gone leaves nothing behind.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from weakref import ReferenceType, WeakKeyDictionary, ref

import torch
from torch import Tensor
from torch.nn import functional as F

from cape_ros.core.pause import Pause, no_pause
from cape_ros.model import CapeFormer, KeypointTokens
from cape_ros.model.layout.layout import LANDMARKS, MOST_LAYOUTS, Layouts
from cape_ros.model.layout.rotations import RotationHypothesis
from cape_ros.model.scores import Calibration
from cape_ros.perception.inference.network import Network

KEYPOINTS = 20  # of a category: a multiple of it is recorded

Pass = Callable[..., tuple[Tensor, ...]]
Replay = Callable[[], None]

logger = logging.getLogger(__name__)


class Recorder(Protocol):
    """batches: the sizes of batch that are recorded; what lies between is filled up, what is larger
    goes in parts. layouts: whether it can record how layouts vote."""

    @property
    def batches(self) -> Sequence[int]:
        """The recorded batch sizes, smallest first."""

    @property
    def layouts(self) -> bool:
        """Whether passes with layout votes can be recorded."""

    def record(self, run: Pass, inputs: Sequence[Tensor]) -> tuple[Sequence[Tensor], Replay]:
        """The outputs of a pass over `inputs`, and what to call to have them computed anew from
        what `inputs` hold then. Raises RuntimeError if it cannot."""


class Recording:
    """One pass for one size of its inputs."""

    def __init__(self, recorder: Recorder, run: Pass, inputs: Sequence[Tensor]):
        self.batch = len(inputs[0])
        self._inputs = inputs
        self._outputs, self._replay = recorder.record(run, inputs)

    def fill(self, first: int, *given: Tensor) -> None:
        """Inputs from the `first` on: of a batch of at most the recorded size."""
        for recorded, one in zip(self._inputs[first:], given, strict=False):
            recorded[: len(one)].copy_(one)

    def run(self, count: int) -> list[Tensor]:
        """The outputs of the first `count` samples, in memory that the next call uses again."""
        self._replay()
        return [output[:count] for output in self._outputs]


@dataclass(frozen=True, order=True)
class Capacity:
    """The largest tokens that a recording takes."""

    keypoints: int
    shots: int


class RecordedNetwork(Network):
    """A `Network` that replays where it can; what was not recorded is computed op by op."""

    def __init__(
        self,
        net: CapeFormer,
        calibration: Calibration,
        device: torch.device,
        dtype: torch.dtype,
        recorder: Recorder,
    ):
        super().__init__(net, calibration, device, dtype)
        self._recorder = recorder
        self._extractions: list[Recording] = []  # by size of batch
        self._findings: dict[Capacity, list[Recording]] = {}
        self._refused = False
        self._filled: WeakKeyDictionary[Recording, ReferenceType[KeypointTokens]]
        self._filled = WeakKeyDictionary()  # whose tokens a recording has got already

    @torch.inference_mode()
    def prepare(self, keypoints: int, shots: int) -> None:
        """Record what such a category needs, unless it is there.

        Where that cannot be done, or memory is short, what is missing is computed op by op, with
        one warning.
        """
        rounded = min(-(-keypoints // KEYPOINTS) * KEYPOINTS, self.config.order_length)
        few = shots <= 1 or not self.config.layout
        capacity = Capacity(max(rounded, keypoints), 1 if few else MOST_LAYOUTS)
        if self._refused or capacity in self._findings:
            return
        capacities = (capacity, *self._findings)  # a frame may ask for all of them together
        largest = Capacity(max(r.keypoints for r in capacities), max(r.shots for r in capacities))
        try:
            for batch in self._recorder.batches[len(self._extractions) :]:
                self._extractions.append(self._record_extraction(batch))
            for missing in {capacity: None, largest: None}:
                if missing not in self._findings:
                    self._record_findings(missing)
        except RuntimeError as error:  # also a driver's, and a lack of memory
            self._refused = True
            logger.warning("not all passes are recorded, frames take longer: %s", error)

    def extract(self, images: Tensor, support: bool = False, between: Pause = no_pause) -> Tensor:
        """As `Network.extract`; replayed where it is recorded."""
        recorded = self._extractions and tuple(images.shape[-2:]) == self.config.image_size
        if not recorded or (support and self.net.support_backbone is not None):
            return super().extract(images, support, between)
        parts = []
        for recording, part in _parts(self._extractions, len(images)):
            recording.fill(0, images[part])
            parts.append(recording.run(len(images[part]))[0])
            if len(images) > recording.batch:
                parts[-1] = parts[-1].clone()  # the next part uses its memory
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def forward(self, features: Tensor, tokens: KeypointTokens) -> RotationHypothesis:
        """As `Network.forward`; replayed where the tokens fit a recording."""
        batch, count, shots = *tokens.mask.shape, _shots(tokens)
        capacities = (
            r for r in sorted(self._findings) if r.keypoints >= count and r.shots >= shots
        )
        capacity = next(capacities, None)
        if capacity is None or not self._findings[capacity]:
            return super().forward(features, tokens)
        recordings = self._findings[capacity]
        if batch <= recordings[-1].batch:
            ((recording, _),) = _parts(recordings, batch)
            filled = self._filled.get(recording)
            if filled is None or filled() is not tokens:  # as from one frame to the next
                recording.fill(1, *_widen(tokens, capacity))
                self._filled[recording] = ref(tokens)
            recording.fill(0, features)
            return _as_hypothesis(recording.run(batch), count)
        given, parts = [features, *_widen(tokens, capacity)], []
        for recording, part in _parts(recordings, batch):
            self._filled.pop(recording, None)
            recording.fill(0, *(one[part] for one in given))
            parts.append([one.clone() for one in recording.run(len(features[part]))])
        return _as_hypothesis([torch.cat(each) for each in zip(*parts, strict=True)], count)

    def _record_extraction(self, batch: int) -> Recording:
        images = torch.zeros(batch, 3, *self.config.image_size, device=self.device)
        if self.device.type == "cuda":  # as the convolutions want it there
            images = images.contiguous(memory_format=torch.channels_last)

        def run(images: Tensor) -> tuple[Tensor, ...]:
            return (super(RecordedNetwork, self).extract(images),)

        return Recording(self._recorder, run, [images])

    def _record_findings(self, capacity: Capacity) -> None:
        self._findings[capacity] = []
        if self.config.layout and not self._recorder.layouts:
            return
        for batch in self._recorder.batches:
            self._findings[capacity].append(self._record_finding(batch, capacity))

    def _record_finding(self, batch: int, capacity: Capacity) -> Recording:
        channels, grid, width = self.net.backbone.channels, self.config.grid, self.config.width
        dtype = next(self.net.parameters()).dtype
        known = torch.zeros(batch, capacity.keypoints, dtype=torch.bool, device=self.device)
        inputs = [
            torch.zeros(batch, channels, *grid, dtype=dtype, device=self.device),
            torch.zeros(batch, capacity.keypoints, width, device=self.device),
            known,
        ]
        if self.config.layout:
            inputs.append(
                torch.zeros(batch, capacity.shots, capacity.keypoints, 2, device=self.device)
            )
            inputs.append(known[:, None].repeat(1, capacity.shots, 1))
            landmarks = (batch, capacity.shots, LANDMARKS)
            inputs.append(torch.zeros(*landmarks, 2, device=self.device))
            inputs.append(torch.zeros(*landmarks, width, device=self.device))

        def run(
            features: Tensor, tokens: Tensor, mask: Tensor, *layout: Tensor
        ) -> tuple[Tensor, ...]:
            layouts = Layouts(*layout) if layout else None
            hypothesis = super(RecordedNetwork, self).forward(
                features, KeypointTokens(tokens, mask, layouts)
            )
            return (*hypothesis.answers, hypothesis.strength, hypothesis.eighth)

        return Recording(self._recorder, run, inputs)


def _as_hypothesis(outputs: Sequence[Tensor], keypoints: int) -> RotationHypothesis:
    points, scores, strength, eighth = outputs
    return RotationHypothesis((points[:, :keypoints], scores[:, :keypoints]), strength, eighth)


def _parts(recordings: Sequence[Recording], count: int) -> Iterator[tuple[Recording, slice]]:
    """A batch of `count` in as few parts as there must be, and what is large enough for each."""
    most = recordings[-1].batch
    for at in range(0, count, most):
        part = slice(at, min(at + most, count))
        yield next(each for each in recordings if each.batch >= part.stop - at), part


def _widen(tokens: KeypointTokens, capacity: Capacity) -> list[Tensor]:
    """The tokens as tensors of the recorded size; what is added is not known."""
    more = capacity.keypoints - tokens.mask.shape[1]
    flat = [F.pad(tokens.tokens, (0, 0, 0, more)), F.pad(tokens.mask, (0, more))]
    if tokens.layouts:
        shots = capacity.shots - _shots(tokens)
        flat.append(F.pad(tokens.layouts.points, (0, 0, 0, more, 0, shots)))
        flat.append(F.pad(tokens.layouts.known, (0, more, 0, shots)))
        flat.append(F.pad(tokens.layouts.landmark_points, (0, 0, 0, 0, 0, shots)))
        flat.append(F.pad(tokens.layouts.landmarks, (0, 0, 0, 0, 0, shots)))
    return flat


def _shots(tokens: KeypointTokens) -> int:
    return tokens.layouts.known.shape[1] if tokens.layouts else 0
