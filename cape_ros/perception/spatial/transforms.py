"""Where frames lie in each other at a moment: a tree of transforms, kept for a while."""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from cape_ros.core.errors import CapeError
from cape_ros.perception.spatial import rigid
from cape_ros.perception.spatial.rigid import Pose

KEPT = 10.0  # [s] of each moving frame
LATE = 1.0  # [s] that a stamp may be earlier than the newest one
MOST_STAMPS = 2000  # of each
MOST_FRAMES = 1000
CERTAIN: Final = np.zeros((6, 6))


class NoTransform(CapeError):
    """Two frames have no known relation at a moment.

    late: it may come yet.
    """

    def __init__(self, reason: str, late: bool) -> None:
        super().__init__(reason)
        self.late = late


@dataclass(eq=False)
class _Edge:
    """Where a frame lies in its parent; if it does not move, as it was said last.

    astray: a transform that came far too late, or is the first one of another run.
    """

    parent: str
    static: bool
    stamps: list[float] = field(default_factory=list)
    poses: list[Pose] = field(default_factory=list)
    astray: tuple[float, Pose] | None = None

    def add(self, stamp: float, pose: Pose) -> None:
        before, self.astray = self.astray, None
        if self.static:
            self._clear()
        elif self.stamps and stamp < self.stamps[-1] - LATE:
            # One of the last seconds may have been held up on its way; two in a row are a new run.
            if before is None and stamp > self.stamps[-1] - KEPT:
                self.astray = stamp, pose
                return
            self._clear()
            if before is not None:
                self._insert(*before)
        self._insert(stamp, pose)

    def _clear(self) -> None:
        self.stamps.clear()
        self.poses.clear()

    def _insert(self, stamp: float, pose: Pose) -> None:
        at = bisect_left(self.stamps, stamp)
        if at < len(self.stamps) and self.stamps[at] == stamp:
            self.poses[at] = pose
            return
        self.stamps.insert(at, stamp)
        self.poses.insert(at, pose)
        forgotten = max(
            bisect_left(self.stamps, self.stamps[-1] - KEPT),
            len(self.stamps) - MOST_STAMPS,
        )
        if forgotten > 0:
            del self.stamps[:forgotten], self.poses[:forgotten]

    def at(self, stamp: float, name: str) -> Pose:
        """Interpolated. Raises `NoTransform` before the first and after the last one."""
        if self.static:
            return self.poses[-1]
        at = bisect_left(self.stamps, stamp)
        if at == len(self.stamps):
            away = stamp - self.stamps[-1]
            raise NoTransform(
                f"TF of {name!r} in {self.parent!r} ends {away:.3f} s before the image", True
            )
        if self.stamps[at] == stamp:
            return self.poses[at]
        if at == 0:
            away = self.stamps[0] - stamp
            raise NoTransform(
                f"TF of {name!r} in {self.parent!r} begins {away:.3f} s after the image", False
            )
        before, after = self.poses[at - 1], self.poses[at]
        share = (stamp - self.stamps[at - 1]) / (self.stamps[at] - self.stamps[at - 1])
        turn = rigid.vector_of(after.rotation @ before.rotation.T)
        rotation = rigid.rotation_of(share * turn) @ before.rotation
        translation = (1 - share) * before.translation + share * after.translation
        return Pose(rotation, translation, CERTAIN)


class TransformTree:
    """Takes in transforms of any thread, and answers questions of any other."""

    def __init__(self) -> None:
        self._edges: dict[str, _Edge] = {}
        self._lock = threading.Lock()

    def add(self, parent: str, child: str, pose: Pose, stamp: float, static: bool = False) -> None:
        """pose: of the child in its parent. stamp: in seconds. A parent that is another one than
        before counts from now on. Frames without a name are left out; of more than `MOST_FRAMES`
        those go that ended before what is kept of the new one, else the new one is left out.
        """
        if not parent or not child or parent == child:
            return
        with self._lock:
            edge = self._edges.get(child)
            if edge is None or edge.parent != parent or edge.static != static:
                if edge is None and len(self._edges) >= MOST_FRAMES:
                    self._drop_ended(stamp - KEPT)
                    if len(self._edges) >= MOST_FRAMES:
                        return
                edge = self._edges[child] = _Edge(parent, static)
            edge.add(stamp, pose)

    def find(self, target: str, source: str, stamp: float) -> Pose:
        """Where `source` lies in `target` at that moment. Raises `NoTransform` that says why it is
        not known."""
        with self._lock:
            to_target, to_source = self._line(target), self._line(source)
            shared = next((name for name in to_source if name in to_target), None)
            if shared is None:
                unknown = [
                    name
                    for name, line in ((target, to_target), (source, to_source))
                    if len(line) == 1 and not self._is_parent(name)
                ]
                reason = (
                    f"TF knows no frame {', '.join(map(repr, unknown))}"
                    if unknown
                    else f"TF does not connect {target!r} and {source!r}"
                )
                raise NoTransform(reason, True)
            up = self._climb(to_source[: to_source.index(shared)], stamp)
            down = self._climb(to_target[: to_target.index(shared)], stamp)
        return up.seen_from(down.inverse)

    def _drop_ended(self, stamp: float) -> None:
        self._edges = {
            child: edge
            for child, edge in self._edges.items()
            if edge.static or edge.stamps[-1] >= stamp
        }

    def _line(self, name: str) -> list[str]:
        """The frame, its parent, and so on; ends where it closes to a ring."""
        line = [name]
        while (edge := self._edges.get(line[-1])) is not None and edge.parent not in line:
            line.append(edge.parent)
        return line

    def _is_parent(self, name: str) -> bool:
        return any(edge.parent == name for edge in self._edges.values())

    def _climb(self, line: list[str], stamp: float) -> Pose:
        """The first frame of a line in the parent of its last one."""
        pose = Pose(np.eye(3), np.zeros(3), CERTAIN)
        for name in line:
            pose = pose.seen_from(self._edges[name].at(stamp, name))
        return pose
