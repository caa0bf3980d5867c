"""The simulated world: a table, the arm on it, objects, a lamp and a camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cape_ros.demo.grasp.objects import SimulatedObject
from cape_ros.demo.grasp.simulator import arm, mujoco
from cape_ros.demo.grasp.situations import Placement

BASE = "base"  # the frame of the arm's foot, and of the world; z = 0 is the top of the table
HOME = np.array([0.0, -1.0, 0.0, -2.4, 0.0, 1.5, 0.0])  # [rad] the arm out of the camera's view
TABLE = 0.55, 0.70, 0.02  # [m] half of its sides
PARKED = 3.0  # [m] behind the arm, where objects wait that are not on the table
SETTLING = 0.4  # [s] an object that was put down takes to stand still


class Scene:
    """objects: what may stand on the table."""

    def __init__(self, objects: Sequence[SimulatedObject]) -> None:
        self.objects = {one.name: one for one in objects}
        spec = _world()
        for one in objects:
            body = spec.worldbody.add_body(name=one.name, pos=(-PARKED, 0, 0))
            body.add_freejoint(name=one.name)
            one.build(body)
        self.model = spec.compile()
        self.data = mujoco().MjData(self.model)
        self.reset({})

    def reset(self, placements: dict[str, Placement]) -> None:
        """The arm at home, these objects on the table, the others away."""
        mujoco().mj_resetData(self.model, self.data)
        self.data.qpos[:7] = self.data.ctrl[:7] = HOME
        for number, name in enumerate(self.objects):
            place = placements.get(name, Placement(-PARKED, number))
            height = 0.001 if name in placements else 0.001 - 2 * TABLE[2]
            half = place.yaw / 2
            self.data.joint(name).qpos = (
                *(place.x, place.y, height),
                *(np.cos(half), 0, 0, np.sin(half)),
            )
        mujoco().mj_forward(self.model, self.data)
        self.step(SETTLING)

    def step(self, seconds: float) -> None:
        mujoco().mj_step(self.model, self.data, round(seconds / self.model.opt.timestep))

    def light(self, azimuth: float, brightness: float) -> None:
        """The lamp's direction from the table's middle, in radians, and its share of full light."""
        self.model.light("lamp").pos = (0.5 + 1.2 * np.cos(azimuth), 1.2 * np.sin(azimuth), 1.8)
        self.model.light("lamp").dir = (-np.cos(azimuth), -np.sin(azimuth), -1.5)
        self.model.light("lamp").diffuse = (0.7 * brightness,) * 3
        self.model.vis.headlight.ambient = (0.5 * brightness,) * 3
        mujoco().mj_forward(self.model, self.data)

    def pose(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Rotation [3, 3] and translation [3] of an object, in the arm's frame."""
        body = self.data.body(name)
        return body.xmat.reshape(3, 3).copy(), body.xpos.copy()

    def points(self, name: str) -> np.ndarray:
        """[K, 3] the keypoints of an object, in the arm's frame."""
        rotation, translation = self.pose(name)
        return np.asarray(self.objects[name].points @ rotation.T + translation)


def _world() -> Any:
    spec = mujoco().MjSpec.from_file(str(arm()))
    spec.option.timestep = 0.002
    spec.option.cone = mujoco().mjtCone.mjCONE_ELLIPTIC  # else a held object slides slowly
    spec.option.impratio = 10
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1280, 960
    spec.visual.headlight.diffuse = (0.3, 0.3, 0.3)
    spec.visual.headlight.specular = (0.05, 0.05, 0.05)
    spec.visual.quality.shadowsize = 1024  # half of the time of an image
    spec.visual.map.znear, spec.visual.map.zfar = 0.02, 20
    spec.add_texture(
        name="sky",
        type=mujoco().mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco().mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=(0.75, 0.78, 0.82),
        rgb2=(0.45, 0.47, 0.5),
        width=64,
        height=384,
    )
    spec.add_texture(
        name="wood",
        type=mujoco().mjtTexture.mjTEXTURE_2D,
        builtin=mujoco().mjtBuiltin.mjBUILTIN_FLAT,
        mark=mujoco().mjtMark.mjMARK_RANDOM,
        markrgb=(0.55, 0.42, 0.3),
        random=0.25,
        rgb1=(0.64, 0.5, 0.37),
        width=256,
        height=256,
    )
    wood = spec.add_material(name="wood", specular=0.1, shininess=0.1, texrepeat=(3, 3))
    wood.textures[mujoco().mjtTextureRole.mjTEXROLE_RGB] = "wood"
    world = spec.worldbody
    world.add_geom(
        type=mujoco().mjtGeom.mjGEOM_BOX,
        size=TABLE,
        pos=(0.5, 0, -TABLE[2]),
        material="wood",
        friction=(0.8, 0.01, 0.001),
    )
    world.add_geom(
        type=mujoco().mjtGeom.mjGEOM_PLANE,
        size=(6, 6, 0.1),
        pos=(0, 0, -2 * TABLE[2]),
        rgba=(0.55, 0.56, 0.58, 1),
    )
    world.add_light(name="lamp", pos=(0.5, -1, 1.8), dir=(0, 1, -1.5), diffuse=(0.7, 0.7, 0.7))
    world.add_camera(name="camera", pos=(1, 0, 0.6), fovy=42)
    world.add_camera(name="onlooker", pos=(1.15, -0.95, 0.75), fovy=45)
    return spec
