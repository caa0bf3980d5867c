"""Runs the demo: camera, node and recorder, one scene after another, then a summary."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path

import rclpy
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from cape_ros.core.errors import CapeError, InvalidInput
from cape_ros.core.extras import studio_is_installed
from cape_ros.demo import film, summary
from cape_ros.demo.camera_node import CameraNode
from cape_ros.demo.folder import LIBRARY, check_folder, clear
from cape_ros.demo.node_process import NodeProcess
from cape_ros.demo.recorder import LINES, SHEET, RecorderNode
from cape_ros.demo.registrar import Registrar
from cape_ros.demo.ros_context import begin, spinning
from cape_ros.demo.scenes import Scene, own_scene, photograph_scenes
from cape_ros.demo.scoreboard import Figures, Scoreboard
from cape_ros.demo.studio import TEACHING, StudioOfNode, Unending
from cape_ros.media.sources import LiveCamera

START = 120.0  # [s] a node may take: on a slow disk most of it is importing PyTorch
ANSWER = 60.0  # [s] a service call or the first result may take
POLL_INTERVAL = 1.0  # [s] between two checks whether Studio is in use
LAST_ANSWER = 5.0  # [s] to wait for the result of a scene's last frame


def run_demo(
    *,
    video: Path | None = None,
    camera: int | None = None,
    out: Path = Path("demo_out"),
    keypoints: Path | None = None,
    frames: int | None = None,
    weights: str = "shipped",
    device: str = "auto",
    port: int | None = None,
    keep: bool = False,
    console: Console | None = None,
) -> int:
    """Run it on moving photographs, or on a video or a camera; returns the exit status.

    keypoints: an annotation file for the user's own input. frames: of each scene, at most. port: of
    Studio, as of `StudioOfNode`. keep: what is registered, in the output folder's library, also
    what an earlier demo has kept there. Raises `CapeError` in one sentence if something hinders it.
    """
    console = console or Console()
    _check(video, camera, keypoints, frames)
    check_folder(out)
    own = video is not None or camera is not None
    scenes = (
        [own_scene(video, camera or 0, keypoints, frames)] if own else photograph_scenes(frames)
    )
    try:
        stage = Stage(scenes, out, {"weights": weights, "device": device}, port, keep, console)
        failure = stage.play()
    finally:
        for scene in scenes:
            scene.source.close()
    figures = stage.figures()
    total = Figures.of(stage.scoreboard.counted(), scenes[0].source.rate)
    if not total.frames_answered:
        raise failure or CapeError(f"the node answered no frame; {stage.node.log_tail()}")
    summary.write(out, figures, total)
    summary.show(console, figures, total)
    _say_where(console, out, stage.film)
    if keep and failure is None:
        kept = f"{out / LIBRARY}: what is registered, for cape serve --library {out / LIBRARY}"
        console.print(kept, highlight=False, soft_wrap=True)
    if failure is None and not total.frames_reported:
        failure = CapeError(
            f"no object was found in any frame; {out / SHEET} shows what the node received"
        )
    if failure is not None:
        raise failure
    return 0


class Stage:
    """All that runs together: the node's process, and camera, recorder and registrar here.

    Raises `CapeError` if the output folder cannot be used.
    """

    def __init__(
        self,
        scenes: list[Scene],
        out: Path,
        parameters: dict[str, str],
        port: int | None,
        keep: bool,
        console: Console,
    ) -> None:
        self._studio = StudioOfNode(port) if studio_is_installed() else None
        clear(out, (LINES, SHEET, summary.FILE, film.FILE, "overlay", *([] if keep else [LIBRARY])))
        self._scenes = scenes
        self._out = out
        self._console = console
        self.scoreboard = Scoreboard()
        self._keep = keep
        self._parameters = {"library": str((out / LIBRARY).resolve()), **parameters}
        self.node = self._new_node()
        self.film = out / film.FILE

    def play(self) -> CapeError | None:
        """Play every scene; what ended it too early, if anything did."""
        begin(self._console)
        self._camera = CameraNode(self.scoreboard)
        self._registrar = Registrar(self._check)
        recorder = RecorderNode(self.scoreboard, self._out, self._scenes[0].source.rate)
        try:
            with spinning(self._camera, self._registrar, recorder):
                self._registrar.expect_no_other_node()
                with ExitStack() as nodes:
                    self._start_node(nodes)
                    for scene in self._scenes:
                        self._play(scene)
                    self._go_on_while_in_use()
                    if self._keep:
                        self._register_all()
        except CapeError as error:
            return error
        except KeyboardInterrupt:
            # A camera has no end but this one.
            if isinstance(self._scenes[0].source, LiveCamera):
                return None
            return CapeError("stopped before the end; the figures are those of the frames so far")
        finally:
            with self._console.status("The film is written ..."):
                recorder.close()
            self.film = recorder.film.path
            for node in (self._camera, self._registrar, recorder):
                node.destroy_node()
            rclpy.try_shutdown()
        return None

    def figures(self) -> dict[str, Figures]:
        return {
            scene.name: Figures.of(self.scoreboard.counted(scene.name), scene.source.rate)
            for scene in self._scenes
            if self.scoreboard.counted(scene.name)
        }

    def _new_node(self) -> NodeProcess:
        served = self._studio.parameters if self._studio else {}
        return NodeProcess(self._out, {**self._parameters, **served})

    def _start_node(self, nodes: ExitStack) -> None:
        nodes.enter_context(self.node)
        try:
            self._start()
        except CapeError:
            if not (self.node.has_ended and self._studio and self._studio.moves()):
                raise
            self.node = self._new_node()
            nodes.enter_context(self.node)
            self._start()

    def _start(self) -> None:
        self._camera.show(self._scenes[0].name, self._scenes[0].source)
        with self._console.status("The node starts ..."):
            self._registrar.wait_until(
                self._registrar.ready, START, "the node did not offer its services"
            )
            self._registrar.wait_until(
                self.scoreboard.any_answer, ANSWER, "no result came for any camera frame"
            )
        if self._keep:
            self._remove_kept()
        if self._studio is not None:
            if self._studio.remark:
                self._console.print(self._studio.remark, highlight=False)
            self._console.print(
                f"Studio, to watch and to teach by clicking: {self._studio.address}",
                highlight=False,
            )

    def _play(self, scene: Scene) -> None:
        if scene.remark:
            self._console.print(escape(scene.remark))
        self._camera.show(scene.name, scene.source)
        answer = self._registrar.register(scene.category, ANSWER)
        bar = Progress(
            TextColumn("{task.description:12}"),
            BarColumn(),
            TextColumn("{task.completed} sent, {task.fields[progress]}"),
            console=self._console,
        )
        with bar:
            task = bar.add_task(scene.name, total=scene.source.expected, progress=answer)
            self._camera.begin()

            def watch() -> bool:
                counted = self.scoreboard.counted(scene.name)
                answers = [entry for entry in counted if entry.latency is not None]
                reported = sum(bool(entry.reported) for entry in answers)
                progress = f"{len(answers)} answered, object reported in {reported}"
                bar.update(task, completed=len(counted), progress=progress)
                return self._camera.finished.is_set()

            self._registrar.wait_until(watch, None)
            self._camera.stop()
            last = self.scoreboard.counted(scene.name)[-1:]
            self._registrar.wait(lambda: all(e.latency is not None for e in last), LAST_ANSWER)
            watch()
        self._registrar.remove(scene.name, ANSWER)

    def _remove_kept(self) -> None:
        """What an earlier demo has kept of these objects, which would take time in each frame."""
        for scene in self._scenes:
            with suppress(CapeError):  # it was not kept
                self._registrar.remove(scene.name, ANSWER)

    def _register_all(self) -> None:
        """Again: each scene removed its object, so that the others are found as quickly."""
        for scene in self._scenes:
            self._registrar.register(scene.category, ANSWER)

    def _go_on_while_in_use(self) -> None:
        """A user who is teaching in Studio is not cut off."""
        if self._studio is None or not self._studio.is_in_use():
            return
        self._console.print(
            f"Studio is in use: the camera goes on until no page is open for {TEACHING:.0f} s, "
            "or Ctrl-C."
        )
        self._camera.show(None, Unending(self._scenes[0].source))
        try:
            while self._studio.is_in_use():
                self._registrar.wait(lambda: False, POLL_INTERVAL)
        except KeyboardInterrupt:
            pass

    def _check(self) -> None:
        """Called while waiting: raises what ends the demo."""
        self.node.check()
        if self._camera.failure is not None:
            raise self._camera.failure
        if not rclpy.ok():
            raise KeyboardInterrupt


def _check(
    video: Path | None, camera: int | None, keypoints: Path | None, frames: int | None
) -> None:
    if video is not None and camera is not None:
        raise InvalidInput.of("camera", "is given beside a video; one of them can be shown")
    if keypoints is not None and video is None and camera is None:
        raise InvalidInput.of("keypoints", "are for your own input; give a video or a camera too")
    if frames is not None and frames < 1:
        raise InvalidInput.of("frames", f"{frames} is not a number of frames; give 1 or more")


def _say_where(console: Console, out: Path, overlays: Path) -> None:
    for path, what in (
        (out / LINES, "every result"),
        (overlays, "the overlays that the node published, as a film"),
        (out / SHEET, "some of them on one page, a cross where the truth is known"),
        (out / summary.FILE, "these figures"),
    ):
        if path.exists():
            console.print(f"{path}: {what}", highlight=False, soft_wrap=True)
