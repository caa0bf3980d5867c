"""`cape estimate`: an image, a folder of images or a video in, JSON lines or CSV out."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cape_ros.cli.answers import answers_to, check_answers_target, row
from cape_ros.cli.common import (
    DEFAULT_LIBRARY,
    Device,
    Library,
    Weights,
    open_library,
    with_progress,
)
from cape_ros.core.errors import CapeError, InvalidInput, SourceError
from cape_ros.core.files import check_folder_target
from cape_ros.core.plurals import counted

if TYPE_CHECKING:
    import numpy as np

    from cape_ros.media.sources import VideoFile
    from cape_ros.perception.category import Category
    from cape_ros.perception.estimator import Estimator
    from cape_ros.perception.geometry import Box
    from cape_ros.perception.objects import ObjectKeypoints

IMAGES = (".bmp", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
PERHAPS = (".avif", ".gif", ".heic", ".heif", ".jp2")  # named where they cannot be read
LONGEST_NAME = 251  # bytes; file systems allow 255 with the ending
VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")


def estimate(
    source: Annotated[Path, typer.Argument(help="An image, a folder of images, or a video.")],
    category: Annotated[str, typer.Option(help="Name of a registered category.")],
    box: Annotated[
        str | None, typer.Option(help="Where, in every image: x,y,width,height in pixels.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write here instead, as .jsonl (JSON lines) or .csv.")
    ] = None,
    draw: Annotated[
        Path | None,
        typer.Option(help="Draw what is found: a file for an image, else a folder for files."),
    ] = None,
    panel: Annotated[
        Path | None, typer.Option(help="Of one image: write how each keypoint was matched here.")
    ] = None,
    library: Library = DEFAULT_LIBRARY,
    weights: Weights = "shipped",
    device: Device = "auto",
) -> None:
    """Find a registered category in images; prints JSON. Without --box all its objects are found.

    Each answer says whether an object was [bold]found[/bold]; where it was not, its keypoints have
    no place. An image without the object ends with exit status 1, a folder or a video with 0. In a
    video objects are tracked from frame to frame.

    [bold]cape estimate table.jpg --category mug --draw found.png[/bold]

    [bold]cape estimate film.mp4 --category mug --out film.csv[/bold]
    """
    where = None if box is None else read_box(box)
    single = not source.is_dir() and not is_video(source)
    if panel and not single:
        raise typer.BadParameter("--panel is for one image")
    _check_targets(out, draw, panel, single)
    frames = frames_of(source)
    known = open_library(library).get(category)
    if draw and not single:
        _make_folder(draw)
    count = found = 0
    with answers_to(out, known, single) as write:
        from cape_ros.perception.estimator import Estimator

        estimator = Estimator.load(weights, device)
        find = Finder(estimator, known, where, is_video(source))
        try:
            for frame in frames:
                answers = find(frame)
                rows = [row(str(frame.file), frame.number, known, each) for each in answers]
                for each in rows or [row(str(frame.file), frame.number, known, None)]:
                    write(each)
                count, found = count + 1, found + bool(answers)
                if draw:
                    _draw(draw if single else draw / frame.picture, frame, answers, known)
                if panel:
                    _draw_panel(panel, estimator, frame, where, answers, known)
        finally:
            if not single:
                images = counted(count, "image")
                print(f"{known.name} found in {found} of {images}", file=sys.stderr)
    if single and not found:
        raise CapeError(f"{known.name} was not found in {source}")


def _check_targets(out: Path | None, draw: Path | None, panel: Path | None, single: bool) -> None:
    """Before the images are read. Raises `InvalidInput`."""
    from cape_ros.core.images import check_image_target

    if out:
        check_answers_target(out)
    if draw and single:
        check_image_target(draw, "--draw")
    elif draw:
        check_folder_target(draw, "--draw")
    if panel:
        check_image_target(panel, "--panel")


@dataclass(frozen=True, eq=False)
class InputImage:
    """file: as it was named. number: of a video's frame, from 0. image: [H, W, 3] uint8 RGB.
    seconds: of a video's frame, since it began."""

    file: Path
    number: int | None
    image: np.ndarray
    seconds: float = 0.0

    @property
    def picture(self) -> str:
        """A name for the file that it is drawn in, among others of the same source."""
        return f"{_bounded(self.file.name) if self.number is None else f'{self.number:06d}'}.png"


def _bounded(name: str) -> str:
    """The name in UTF-8, with room for a further ending, and still unlike those of other files."""
    octets = name.encode(errors="backslashreplace")
    if len(octets) <= LONGEST_NAME:
        return octets.decode()
    return f"{octets[: LONGEST_NAME - 9].decode(errors='ignore')}~{zlib.crc32(octets):08x}"


def frames_of(source: Path) -> Iterator[InputImage]:
    """The images to process, in order. Raises `InvalidInput` for a folder without images,
    `SourceError`; images of a folder that cannot be read are named and counted at the end."""
    from cape_ros.core.images import read_image

    if is_video(source):
        from cape_ros.media.sources import VideoFile

        return _of_video(source, VideoFile(source, sys.maxsize))
    if not source.is_dir():
        return iter([InputImage(source, None, read_image(source))])
    files = sorted(path for path in source.iterdir() if path.suffix.lower() in IMAGES + PERHAPS)
    if not files:
        raise InvalidInput.of(str(source), f"holds no image ({', '.join(IMAGES)})")
    return _of_files(files)


def is_video(source: Path) -> bool:
    return source.suffix.lower() in VIDEOS and not source.is_dir()


def _of_files(files: Sequence[Path]) -> Iterator[InputImage]:
    from cape_ros.core.images import read_image

    failed = 0
    for file in with_progress(files, len(files)):
        try:
            image = read_image(file)
        except SourceError as error:
            print(f"cape: {error}", file=sys.stderr)
            failed += 1
            continue
        yield InputImage(file, None, image)
    if failed:
        raise SourceError(f"{failed} of {counted(len(files), 'image')} could not be read")


def _of_video(path: Path, video: VideoFile) -> Iterator[InputImage]:
    try:
        for frame in with_progress(iter(video.next, None), video.expected):
            yield InputImage(path, frame.index, frame.image, frame.seconds)
    finally:
        video.close()


class Finder:
    """The objects in an image: the one in the given box if it is there, or all; follow: images are
    those of a video, in which objects are tracked."""

    def __init__(
        self, estimator: Estimator, category: Category, box: Box | None, follow: bool
    ) -> None:
        from cape_ros.perception.tracking import (
            Tracker,
            TrackingSettings,
            clock_of_images,
            track_ids,
        )

        self._estimator, self._category, self._box = estimator, category, box
        self._settings = TrackingSettings()
        estimator.register(category)
        tracks = follow and box is None
        self._tracker = Tracker(estimator, track_ids(), clock_of_images()) if tracks else None

    def __call__(self, frame: InputImage) -> list[ObjectKeypoints]:
        from cape_ros.perception.objects import ObjectRequest

        name, image, trust = self._category.name, frame.image, self._settings.trust
        if self._box is not None:
            (answer,) = self._estimator.estimate(image, [ObjectRequest(name, self._box)])
            return [answer] if answer.score >= trust.presence_threshold else []
        if self._tracker is not None:
            known = {name: self._category}
            objects = self._tracker.estimate(image, known, self._settings, frame.seconds)
            return [each for each in objects if not each.predicted]
        most = self._settings.max_instances
        return self._estimator.detect(image, [name], most, trust)[0]


def _draw(
    path: Path, frame: InputImage, answers: Sequence[ObjectKeypoints], category: Category
) -> None:
    from cape_ros.core.images import write_image
    from cape_ros.perception.drawing.overlay import draw

    write_image(path, draw(frame.image, answers, {category.name: category}))


def _draw_panel(
    path: Path,
    estimator: Estimator,
    frame: InputImage,
    box: Box | None,
    answers: Sequence[ObjectKeypoints],
    category: Category,
) -> None:
    """Of the best answer; without any, of the given box or the whole image."""
    from cape_ros.core.images import write_image
    from cape_ros.perception.drawing.panel import matching_panel
    from cape_ros.perception.objects import ObjectRequest

    height, width = frame.image.shape[:2]
    shown = answers[0].box if answers else box or (0.0, 0.0, float(width), float(height))
    seen = estimator.inspect(frame.image, ObjectRequest(category, shown))
    write_image(path, matching_panel(category, seen))


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"{path}: no folder can be made there: {error.strerror}") from error


def read_box(text: str) -> Box:
    try:
        x, y, width, height = (float(value) for value in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"--box {text!r} is not x,y,width,height") from None
    return x, y, width, height
