"""Renders a cache with several processes."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.core.images import read_image
from cape_ros.lab.datasets.rendered.attribution import write_attribution
from cape_ros.lab.datasets.rendered.cache import CacheConfig, RenderedCache
from cape_ros.lab.datasets.rendered.cameras import draw_sides, side
from cape_ros.lab.datasets.rendered.catalogue import Entry
from cape_ros.lab.datasets.rendered.keypoints import keypoints_of
from cape_ros.lab.datasets.rendered.materials import dressed, lifted
from cape_ros.lab.datasets.rendered.meshes import load_mesh, require_renderer
from cape_ros.lab.datasets.rendered.orbits import render_orbit
from cape_ros.lab.datasets.rendered.scenes import BANDS, registered_view, render_scene
from cape_ros.lab.datasets.rendered.tracing import Body
from cape_ros.lab.datasets.rendered.views import Picture, render_view

logger = logging.getLogger(__name__)

FLAT = 0.012  # thinner than this part of its longest side, a mesh is a picture on the floor
LEAST_POINTS = 4  # keypoints of a mesh; a round one has few that can be told from others
OTHERS, POOL = 4, 60  # meshes that clutter the views of one, and that they are drawn from
PHOTOGRAPHS = 200  # kept in memory by each process


@dataclass(frozen=True)
class Done:
    """One mesh that was rendered, or why it was left out."""

    entry: Entry
    left_out: str = ""


def chosen(entries: Sequence[Entry], part: str) -> list[Entry]:
    """The meshes of a part of the split: train, held-out or all. Raises `InvalidInput`."""
    if part not in ("train", "held-out", "all"):
        raise InvalidInput.of("--part", f"{part!r} is not train, held-out or all")
    some = [one for one in entries if part == "all" or one.held_out == (part == "held-out")]
    if not some:
        raise InvalidInput.of("--part", f"no mesh of {len(entries)} is in {part}")
    return some


def render_all(
    entries: Sequence[Entry],
    folder: Path,
    config: CacheConfig,
    photographs: Sequence[Path],
    processes: int,
) -> Iterator[Done]:
    """Render what is missing in a cache, in any order; the result does not depend on `processes`.

    Raises `InvalidInput`, `SourceError`, `CapeError` without what rendering needs.
    """
    require_renderer()
    cache = RenderedCache(folder)
    cache.start(config)
    write_attribution(folder, entries)
    missing = [entry for entry in entries if not cache.has(entry)]
    yield from (Done(entry) for entry in entries if entry not in missing)
    with ProcessPoolExecutor(
        processes,
        get_context("spawn"),
        _begin,
        (folder, config, tuple(entries), tuple(photographs)),
    ) as pool:
        futures = [pool.submit(render_mesh, entry) for entry in missing]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class _Job:
    folder: Path
    config: CacheConfig
    entries: tuple[Entry, ...]
    photographs: tuple[Path, ...]


_job: list[_Job] = []  # of this worker process


def _begin(
    folder: Path, config: CacheConfig, entries: tuple[Entry, ...], photographs: tuple[Path, ...]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    cv2.setNumThreads(1)
    _job[:] = [_Job(folder, config, entries, photographs)]


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def render_mesh(entry: Entry) -> Done:
    """Render a mesh in a worker process. Raises `SourceError` if the cache cannot be written."""
    (job,) = _job
    generator = np.random.default_rng(
        (job.config.seed, *np.frombuffer(entry.id.encode(), np.uint8).tolist())
    )
    try:
        mesh = load_mesh(entry)
    except SourceError as error:
        return Done(entry, str(error))
    if mesh.extent.min() < FLAT * mesh.extent.max():
        return Done(entry, f"{entry.id}: is flat")
    pictures = some_photographs(job.photographs, generator, 12)
    if job.config.kind == "views":
        mesh = dressed(mesh, generator, pictures[0] if pictures else None)
    else:
        mesh = lifted(mesh)
    body = Body(mesh)
    keypoints = keypoints_of(body, generator)
    if np.isfinite(keypoints.all).all(axis=1).sum() < LEAST_POINTS:
        return Done(entry, f"{entry.id}: is round, its points cannot be told from each other")
    if job.config.kind != "views" and (keypoints.rotated or keypoints.symmetry.any_rotation):
        return Done(entry, f"{entry.id}: looks the same from several sides")
    others = [one for one in _clutter(job.entries, entry, generator) if one is not None]
    drawn = {"views": _views, "scenes": _scenes, "orbits": _orbit}[job.config.kind](
        body, keypoints.all, job.config.count, generator, pictures, others
    )
    RenderedCache(job.folder).put(entry, keypoints, *zip(*drawn, strict=True))
    return Done(entry)


Drawn = list[tuple[Picture, dict[str, Any]]]


def _views(
    body: Body,
    points: np.ndarray,
    count: int,
    generator: np.random.Generator,
    photographs: list[np.ndarray],
    others: list[Body],
) -> Drawn:
    return [
        (
            render_view(body, points, *where, generator, photographs, others),
            {"azimuth": where[0], "elevation": where[1]},
        )
        for where in draw_sides(generator, count)
    ]


def _scenes(
    body: Body,
    points: np.ndarray,
    count: int,
    generator: np.random.Generator,
    photographs: list[np.ndarray],
    others: list[Body],
) -> Drawn:
    """The registered view, then scenes with bands of angles in turn."""
    registered = side(*_start(generator))
    first = registered_view(body, points, registered, generator, photographs)
    drawn: Drawn = [(first, {"registered": True})]
    for number in range(count):
        band = BANDS[number % len(BANDS)]
        one = render_scene(body, points, registered, band, generator, photographs, others)
        facts = {"registered": False, "angles": one.angles, "band": band, "table": one.table}
        drawn.append((one.picture, facts))
    return drawn


def _orbit(
    body: Body,
    points: np.ndarray,
    count: int,
    generator: np.random.Generator,
    photographs: list[np.ndarray],
    others: list[Body],
) -> Drawn:
    frames = render_orbit(body, points, _start(generator), count, generator, photographs, others)
    return [(one.picture, {"angle": one.angle}) for one in frames]


def _start(generator: np.random.Generator) -> tuple[float, float]:
    """Azimuth and elevation of a view that a person would register: half from the front."""
    return float(generator.uniform(-70, 70)), float(generator.uniform(12, 35))


def some_photographs(
    paths: Sequence[Path], generator: np.random.Generator, count: int
) -> list[np.ndarray]:
    drawn = generator.permutation(len(paths))[:count]
    return [_photograph(paths[int(at)]) for at in drawn]


def _clutter(
    entries: Sequence[Entry], but: Entry, generator: np.random.Generator
) -> Iterator[Body | None]:
    """Bodies of the same part of the split, from a few that each process keeps in memory."""
    pool = sorted(entries, key=lambda one: -one.lot)[:POOL]
    for at in generator.permutation(len(pool))[: OTHERS + 1]:
        if pool[int(at)] != but:
            yield _body(pool[int(at)])


@lru_cache(PHOTOGRAPHS)
def _photograph(path: Path) -> np.ndarray:
    return read_image(path)


@lru_cache(POOL)
def _body(entry: Entry) -> Body | None:
    """Clutter in its own colours; None if it cannot be read, which its own turn reports."""
    try:
        mesh = load_mesh(entry)
    except SourceError:
        return None
    return Body(mesh) if mesh.extent.min() > FLAT * mesh.extent.max() else None
