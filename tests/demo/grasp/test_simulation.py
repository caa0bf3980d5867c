"""The simulated arm, and the whole of `cape demo --grasp` once."""

from __future__ import annotations

import io
import json
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from cape_ros.core import extras
from cape_ros.core.errors import CapeError
from cape_ros.demo.grasp import simulator
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.objects import ObjectRequest
from cape_ros.perception.trust import Trust

missing = [name for name in extras.EXTRAS["sim"] if not find_spec(name)]
missing += [] if any(map(find_library, simulator.LIBRARIES.values())) else ["libosmesa6"]
needs_simulator = pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


def test_what_is_missing_is_said_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    load = simulator.mujoco.__wrapped__
    monkeypatch.setattr(simulator, "is_installed", lambda name: name != "tabletask")
    with pytest.raises(CapeError, match=r"tabletask: pip install .*mujoco.*tabletask"):
        load()
    monkeypatch.setattr(simulator, "is_installed", lambda name: True)
    monkeypatch.setattr(simulator, "find_library", lambda name: None)
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    with pytest.raises(CapeError, match="libosmesa6"):
        load()


@needs_simulator
def test_a_mug_is_lifted_by_its_true_frame_and_not_beside_it() -> None:
    from cape_ros.demo.grasp.arm import Arm, Unreachable
    from cape_ros.demo.grasp.grasp import execute, plan
    from cape_ros.demo.grasp.mug import mug
    from cape_ros.demo.grasp.objects import GraspFrame
    from cape_ros.demo.grasp.scene import Scene
    from cape_ros.demo.grasp.situations import Placement

    one = mug()
    scene = Scene([one])
    arm = Arm(scene)
    for beside, lifted in ((0.0, True), (0.09, False)):
        scene.reset({"mug": Placement(0.45, 0.1, 0.4)})
        points = dict(zip(one.keypoints, scene.points("mug"), strict=True))
        across = points["rim_left"] - points["rim_right"]
        across /= np.linalg.norm(across)
        down = np.array((0.0, 0.0, -1.0))
        axes = np.column_stack((across, np.cross(down, across), down))
        frame = GraspFrame(points["rim_left"] + beside * across, axes)
        assert execute(arm, scene, plan(arm, frame, one), one) == lifted
    far = GraspFrame(np.array((1.5, 0.0, 0.1)), axes)
    with pytest.raises(Unreachable, match=r"does not reach \[1\.5"):
        plan(arm, far, one)


@needs_simulator
@pytest.mark.skipif(not find_spec("rclpy"), reason="needs rclpy")
def test_the_node_sees_and_the_arm_lifts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cape_ros.demo.grasp import laboratory
    from cape_ros.demo.grasp.run import Setting, run_grasps

    monkeypatch.setattr(laboratory, "PICTURE", 2.0)  # a short film
    screen = io.StringIO()
    console = Console(file=screen, width=120)
    setting = Setting(grasps=1, widest=10)
    (outcome,) = run_grasps(out=tmp_path, setting=setting, device="cpu", console=console)
    assert outcome.lifted
    assert outcome.millimetres is not None
    assert outcome.millimetres < 20
    assert "1 of 1" in screen.getvalue()
    assert json.loads((tmp_path / "grasps.json").read_text())["grasps"][0]["lifted"]
    film = cv2.VideoCapture(str(tmp_path / "overlay.webm"))
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) > 5
    assert film.get(cv2.CAP_PROP_FRAME_WIDTH) == 1280


@needs_simulator
@pytest.mark.slow
def test_more_images_from_other_sides_take_no_trust_away() -> None:
    """Nearly all that the nearest of five images trusts, all of them together trust, though they
    lie too far apart to find each other."""
    from cape_ros.demo.grasp.depth_camera import DepthCamera
    from cape_ros.demo.grasp.mug import mug
    from cape_ros.demo.grasp.scene import Scene
    from cape_ros.demo.grasp.situations import MIDDLE, registered, sides

    one = mug()
    scene = Scene([one])
    camera = DepthCamera(scene, np.random.default_rng(0))

    def shot(side: float) -> SupportShot:
        situation = registered(one, side)
        camera.look("camera", situation.camera, MIDDLE)
        scene.reset(situation.placements)
        taken = camera.shoot()
        return SupportShot(taken.image, *camera.pixels(scene.points(one.name), taken))

    shots = [shot(side) for side in sides(5, np.pi / 2)]
    queries = [shot(side + 0.2) for side in sides(5, np.pi / 2)]
    camera.close()
    estimator, names = Estimator.load(device="cpu"), list(one.keypoints)
    together, kept = Category("together", names, shots=shots), []
    for near, query in zip(shots, queries, strict=True):
        alone = Category("alone", names, shots=[near])
        requests = [ObjectRequest(each, query.box) for each in (alone, together)]
        one_shot, five_shots = estimator.estimate(query.image, requests)
        trusted = (one_shot.scores >= Trust().point_threshold) & query.visible
        kept += (five_shots.scores[trusted] >= Trust().point_threshold).tolist()
    assert len(kept) > 25
    assert np.mean(kept) > 0.9
    check = estimator.encode(together).check
    assert check.right < check.judged / 2
