"""Evaluates weights on a video of which one frame is registered: error, and jitter at rest.

`cape lab evaluate-video`; what the figures mean: docs/how-to/evaluate.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.progress import track

from cape_ros.core.errors import InvalidInput
from cape_ros.core.images import write_image
from cape_ros.core.plurals import counted
from cape_ros.lab.evaluation.pictures import beside, mark_answer
from cape_ros.lab.evaluation.video_figures import Observation, VideoFigures
from cape_ros.lab.evaluation.video_reference import FLOW, LABELS, Flow, Labels, read_labels
from cape_ros.media.own_input import corners
from cape_ros.media.sources import SourceFrame, VideoFile
from cape_ros.media.truth import Truth, pairs
from cape_ros.perception.category import Category, SupportShot, name_like
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.geometry import Box, Crop, clean_box, clip_box, crop_image, hull_box
from cape_ros.perception.library.annotation import read_annotation
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest
from cape_ros.perception.symmetries import nearest_order, orders
from cape_ros.perception.tracking import Tracker, TrackingSettings, clock_of_images, track_ids

FEWEST_VISIBLE = 2  # labelled points that make a box
PICTURES = 8  # objects, spread over the video
SIDE = 320  # pixels of a picture
BY_FLOW = -1  # the one object that flow follows


def measure(
    estimator: Estimator,
    video: Path,
    labels: Path | None = None,
    keypoints: Path | None = None,
    every: int = 1,
    follow: bool = False,
    pictures: Path | None = None,
) -> VideoFigures:
    """Register one frame and evaluate every `every`-th other one.

    labels: where the keypoints are; the first object that shows the most of them is registered, and
        each labelled object is estimated in the hull of its labels. keypoints: an annotation of a
        frame; without both, corners of the first frame. The truth is then optical flow from there.
    follow: no box is given; the objects are searched and tracked.
    pictures: folder for some of the answers. Raises `CapeError`.
    """
    known = read_labels(labels) if labels else None
    if known:
        frame, which = known.first_whole()
        category, registered = _labelled_category(video, known, frame, which)
    else:
        frame, category, registered = _marked(video, keypoints)
    observe = _Observer(estimator, category, follow)
    gallery = _Gallery(pictures)
    observations: list[Observation] = []
    flow: Flow | None = None
    for now in _frames(video):
        index, image = now.index or 0, now.image
        if known:
            truths = known.frames.get(index, {})
        elif index <= frame:
            shot = category.shots[0]
            flow = Flow(image, shot.keypoints, shot.visible)
            truths = {}
        else:
            assert flow is not None
            truths = {BY_FLOW: flow.next(image)}
        if index == frame or index % every or not truths:
            continue
        for one in observe(now, truths):
            observations.append(one)
            if one.reported:
                gallery.add(image, one)
    gallery.write(video.stem)
    return VideoFigures(
        category.keypoint_names, registered, LABELS if known else FLOW, not follow, observations
    )


class _Observer:
    """Answers for the objects of a frame: in boxes that are given, or by tracking them."""

    def __init__(self, estimator: Estimator, category: Category, follow: bool):
        self._estimator, self._category = estimator, category
        self._tracker = Tracker(estimator, track_ids(), clock_of_images()) if follow else None
        self._boxes: dict[int, Box] = {}
        estimator.register(category)

    def __call__(self, frame: SourceFrame, truths: dict[int, Truth]) -> Iterator[Observation]:
        index, image = frame.index or 0, frame.image
        if self._tracker:
            known = {self._category.name: self._category}
            objects = self._tracker.estimate(image, known, TrackingSettings(), frame.seconds)
            found = pairs(truths, [each.keypoints for each in objects])
            for which, truth in truths.items():
                at = found.get(which)
                yield self._observed(index, which, truth, None if at is None else objects[at])
            return
        boxes = {which: self._box(which, truth, image) for which, truth in truths.items()}
        asked = {which: box for which, box in boxes.items() if box}
        requests = [ObjectRequest(self._category, box) for box in asked.values()]
        for which, prediction in zip(asked, self._estimator.estimate(image, requests), strict=True):
            yield self._observed(index, which, truths[which], prediction)

    def _observed(
        self, index: int, which: int, truth: Truth, prediction: ObjectKeypoints | None
    ) -> Observation:
        """In the order of the keypoints that fits best, where some can be exchanged."""
        if prediction is None:
            shape = truth.keypoints.shape
            return Observation(index, which, truth, np.zeros(shape), np.zeros(len(shape)), False)
        among = orders(len(truth.keypoints), self._category.symmetries)
        weights = truth.visible.astype(float)
        order = nearest_order(prediction.keypoints, truth.keypoints, among, weights)
        points, scores = prediction.keypoints[order], prediction.scores[order]
        return Observation(index, which, truth, points, scores)

    def _box(self, which: int, truth: Truth, image: np.ndarray) -> Box | None:
        """The hull of the truth. Points that flow has lost do not shrink it: then it stays."""
        marked = int(self._category.shots[0].visible.sum())
        if truth.visible.sum() >= (marked if which == BY_FLOW else FEWEST_VISIBLE):
            height, width = image.shape[:2]
            hull = hull_box(truth.keypoints[truth.visible])
            self._boxes[which] = clip_box(hull, width, height)
        elif which != BY_FLOW:
            return None
        return self._boxes.get(which)


def _labelled_category(video: Path, known: Labels, frame: int, which: int) -> tuple[Category, str]:
    truth = known.frames[frame][which]
    image = _image(video, frame)
    if image is None:
        raise InvalidInput.of("frame", f"{frame} is labelled, but behind the end of {video}")
    shot = SupportShot(image, np.nan_to_num(truth.keypoints), truth.visible)
    return (
        Category(name_like(video.stem), known.names, (), (shot,)),
        f"Registered is track {which} of frame {frame}, {truth.visible.sum()} of "
        f"{counted(len(known.names), 'keypoint')}.",
    )


def _marked(video: Path, keypoints: Path | None) -> tuple[int, Category, str]:
    """The frame, what is registered of it, and a sentence about it."""
    if keypoints is None:
        return (0, *corners(next(_frames(video, 1)).image, name_like(video.stem)))
    annotation = read_annotation(keypoints)
    if annotation.image is not None:
        raise InvalidInput.of("image", "mark a frame of the video, so that it can be followed")
    frame = annotation.frame or 0
    image = _image(video, frame)
    if image is None:
        raise InvalidInput.of("frame", f"{frame} is behind the end of {video}")
    category = annotation.category(image, annotation.name or name_like(video.stem))
    return (
        frame,
        category,
        f"Registered are the keypoints of {keypoints.name}, marked on frame {frame}.",
    )


def _image(video: Path, index: int) -> np.ndarray | None:
    """None behind the end."""
    frames = (frame.image for frame in _frames(video, index + 1) if frame.index == index)
    return next(frames, None)


def _frames(video: Path, most: int = 10**9) -> Iterator[SourceFrame]:
    source = VideoFile(video, most)
    try:
        for _ in track(range(source.expected), "video", transient=True, disable=most < 10**9):
            if (frame := source.next()) is None:
                break
            yield frame
    finally:
        source.close()


class _Gallery:
    """Some of the answers as pictures; which ones is only known at the end, so every one that is
    not yet ruled out is kept small."""

    def __init__(self, folder: Path | None):
        self._folder, self._kept, self._step, self._count = folder, list[np.ndarray](), 1, 0

    def add(self, image: np.ndarray, one: Observation) -> None:
        if self._folder and self._count % self._step == 0:
            self._kept.append(_picture(image, one))
            if len(self._kept) == 2 * PICTURES:  # every second one stays, and half as many come
                self._kept, self._step = self._kept[::2], 2 * self._step
        self._count += 1

    def write(self, name: str) -> None:
        if not self._folder or not self._kept:
            return
        tiles = self._kept[:PICTURES]
        rows = [tiles[at : at + 4] for at in range(0, len(tiles), 4)]
        white = np.full_like(tiles[0], 255)
        picture = np.vstack([beside([*row, *[white] * (4 - len(row))]) for row in rows])
        path = self._folder / f"{name}.png"
        self._folder.mkdir(parents=True, exist_ok=True)
        write_image(path, picture)


def _picture(image: np.ndarray, one: Observation) -> np.ndarray:
    height, width = image.shape[:2]
    around = clip_box(hull_box(one.truth.keypoints[one.truth.visible], 0.4), width, height)
    crop = Crop.of_box(clean_box(around, width, height), (SIDE, SIDE))
    pixels = crop_image(image, crop)
    truth, answer = crop.to_crop(np.nan_to_num(one.truth.keypoints)), crop.to_crop(one.predicted)
    words = f"frame {one.frame}, score {one.scores.mean():.2f}"
    mark_answer(pixels, truth, answer, one.truth.visible, words)
    return pixels
