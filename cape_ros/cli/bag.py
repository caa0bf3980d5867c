"""`cape bag`: a recording in, an MCAP file with the keypoints of its images out; without ROS."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cape_ros.cli.common import (
    DEFAULT_LIBRARY,
    Device,
    Library,
    Weights,
    open_library,
    say,
    with_progress,
)
from cape_ros.core.errors import CapeError, InvalidInput, SourceError
from cape_ros.core.extras import EXTRAS, how_to_install, is_installed
from cape_ros.core.files import check_file_target
from cape_ros.core.plurals import counted

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

    from cape_ros.bag.image_topic import ImageTopic
    from cape_ros.bag.topic import Message, Topic
    from cape_ros.perception.category import Category


def bag(
    recording: Annotated[
        Path, typer.Argument(help="A folder of rosbag2, an .mcap or a .db3 file.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT.mcap", help="File to write.")],
    topic: Annotated[
        list[str] | None, typer.Option(help="Of images; again for more. Else all of them.")
    ] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(help="Of the registered ones; again for more. Else all of them."),
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Only each n-th image of a topic.")] = 1,
    until: Annotated[
        float | None, typer.Option(min=0, help="Seconds of the recording to read.")
    ] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Write what is recorded, too.")] = False,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Write images with the keypoints drawn in, too.")
    ] = False,
    library: Library = DEFAULT_LIBRARY,
    weights: Weights = "shipped",
    device: Device = "auto",
) -> None:
    """Find registered categories in the images of a recording; needs no ROS.

    For each image topic the file holds TOPIC/keypoints, the messages that the node would have
    published, at the times of the images.

    [bold]cape bag drive/ keypoints.mcap[/bold]

    [bold]cape bag drive.mcap shown.mcap --topic /camera/image_raw --copy --overlay[/bold]
    """
    if out.suffix != ".mcap":
        raise typer.BadParameter(f"{out}: give a name that ends in .mcap")
    written = Path(os.path.realpath(out))  # unlike Path.resolve, also of a link to itself
    if Path(os.path.realpath(recording)) in (written, written.parent):
        raise typer.BadParameter(f"{out} is the recording itself, or in it")
    check_file_target(out, "OUT.mcap", new_folder=True)
    if missing := [name for name in EXTRAS["bag"] if not is_installed(name)]:
        raise CapeError(f"recordings need {', '.join(missing)}: {how_to_install('bag')}")
    from cape_ros.bag.image_topic import ImageTopic
    from cape_ros.bag.mcap_file import new_mcap_file
    from cape_ros.bag.recording import Recording
    from cape_ros.bag.types import message_types
    from cape_ros.perception.estimator import Estimator
    from cape_ros.perception.tracking import track_ids

    categories = _categories(library, category)
    with Recording(recording) as source:
        images = _image_topics(source.topics, topic or ())
        estimator, ids, types = Estimator.load(weights, device), track_ids(), message_types()
        for known in categories.values():
            estimator.register(known)
        cameras = {
            each.name: ImageTopic(each, types, estimator, categories, ids, every, overlay)
            for each in images
        }
        copied = _to_copy(source.topics, cameras, types) if copy else {}
        read = {*images, *(each for each, defined in copied.items() if defined)}
        count = sum(source.topics[each] for each in read)
        messages = with_progress(_begin(source.messages(read), until), count)
        with new_mcap_file(out) as file:
            for each, stamp, octets in messages:
                if defined := copied.get(each):
                    file.write(defined, stamp, octets)
                if each in images:
                    for output, found in cameras[each.name].look(octets, stamp):
                        file.write(output, stamp, found)
        problems = [*source.damage, *_not_copied(copied)]
    _report(out, cameras, problems)


def _categories(library: Path, names: Sequence[str] | None) -> Mapping[str, Category]:
    opened = open_library(library)
    known = {each.name: each for each in (map(opened.get, names) if names else opened)}
    if not known:
        raise InvalidInput.of("--library", f"{library} has no category; register one first")
    return known


def _image_topics(topics: Iterable[Topic], names: Sequence[str]) -> set[Topic]:
    """Those of these names, all if there are none. Raises `InvalidInput`."""
    from cape_ros.bag.image_topic import COMPRESSED, RAW

    images = {each for each in topics if each.kind in (RAW, COMPRESSED)}
    there = ", ".join(sorted({each.name for each in images}))
    if not images:
        raise InvalidInput.of("recording", f"has no topic with images, of {RAW} or {COMPRESSED}")
    for name in names:
        if name not in {each.name for each in images}:
            reason = f"{name!r} is no image topic of the recording; it has {there}"
            raise InvalidInput.of("--topic", reason)
    return {each for each in images if not names or each.name in names}


def _begin(messages: Iterator[Message], seconds: float | None) -> Iterator[Message]:
    """Those of so many seconds from the first one on."""
    if (first := next(messages, None)) is None:
        return
    end = math.inf if seconds is None else first[1] + round(seconds * 1e9)
    yield from takewhile(lambda message: message[1] <= end, chain([first], messages))


def _to_copy(
    topics: Iterable[Topic], cameras: Mapping[str, ImageTopic], types: Typestore
) -> Mapping[Topic, Topic | None]:
    """How each is written; None if it cannot be. What is found takes the place of older results."""
    from cape_ros.bag.types import with_definition

    replaced = {output.name for camera in cameras.values() for output in camera.outputs}
    return {each: with_definition(each, types) for each in topics if each.name not in replaced}


def _not_copied(copied: Mapping[Topic, Topic | None]) -> Sequence[str]:
    return [
        f"{each.name} is not copied: the recording has no definition of {each.kind}"
        for each, defined in copied.items()
        if defined is None
    ]


def _report(out: Path, cameras: Mapping[str, ImageTopic], problems: Sequence[str]) -> None:
    """Raises `SourceError` at the end if not everything could be read."""
    faults = []
    for name, camera in sorted(cameras.items()):
        known = ", ".join(f"{one} in {camera.found[one]}" for one in camera.categories)
        say(f"{name}: {counted(camera.images, 'image')}, found: {known}")
        if camera.faults:
            count = f"{camera.faults} of {counted(camera.images, 'image')}"
            faults.append(f"{name}: {count} could not be used, the first: {camera.first_fault}")
    for problem in (*problems, *faults):
        print(f"cape: {problem}", file=sys.stderr)
    if problems or faults:
        raise SourceError(f"{out} is written, without what could not be read")
    say(f"written to {out}")
