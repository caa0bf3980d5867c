"""What can be imported where a package is missing: all that does not need it by its purpose."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from absent import ROS, is_one_of

CHECKOUT = Path(__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")
    for path in CHECKOUT.glob("cape_ros/**/*.py")
)
NODE = {  # modules and whole packages -> what they need rclpy and the messages for
    "cape_ros.ros": "the node, and the client that registers with it",
    "cape_ros.demo.run": "starts a node and talks to it",
    "cape_ros.demo.ros_context": "lets nodes spin",
    "cape_ros.demo.grasp.laboratory": "talks to a node",
    "cape_ros.demo.grasp.robot_node": "is a node",
    "cape_ros.demo.grasp.run": "starts a node and talks to it",
    "cape_ros.demo.camera_node": "is a node",
    "cape_ros.demo.node_process": "knows the topic of the demo's camera",
    "cape_ros.demo.recorder": "is a node",
    "cape_ros.demo.registrar": "is a node",
}
SERVED = {
    "cape_ros.studio.local": "serves Studio",
    "cape_ros.studio.studio": "serves Studio",
}
ROUTES = {
    "cape_ros.studio.app": "all routes",
    "cape_ros.studio.api.uploads": "bodies of requests",
    "cape_ros.studio.api.categories": "routes",
    "cape_ros.studio.api.context": "what routes share",
    "cape_ros.studio.api.exchange": "routes",
    "cape_ros.studio.api.live": "routes",
    "cape_ros.studio.api.inspect": "routes",
    "cape_ros.studio.api.media": "routes",
    "cape_ros.studio.api.space": "routes",
}
# Packages -> the modules that need them, and what for.
NEEDED: dict[tuple[str, ...], dict[str, str]] = {
    ROS: {},
    ("fastapi", "starlette"): {
        **SERVED,
        **ROUTES,
        "cape_ros.studio.access": "guards requests",
        "cape_ros.studio.page_files": "serves the page",
    },
    ("pydantic",): {
        **SERVED,
        **ROUTES,
        "cape_ros.studio.api.schemas": "what requests and answers hold",
        "cape_ros.studio.api.category_schemas": "those of categories",
        "cape_ros.studio.api.image_schemas": "those of images",
        "cape_ros.studio.api.space_schemas": "those of shapes and named frames",
        "cape_ros.studio.objects_in_space": "what a live view is told",
        "cape_ros.studio.depth_picture": "what its legend is told",
        "cape_ros.studio.camera_view": "makes what is sent",
        "cape_ros.studio.broadcast": "sends results as the schemas have them",
        "cape_ros.studio.formats": "check files of other programs",
    },
    ("uvicorn",): {**SERVED, "cape_ros.studio.connections": "limits its connections"},
    ("websockets",): {},  # uvicorn imports it
    ("defusedxml",): {
        **SERVED,
        "cape_ros.studio.app": "all routes",
        "cape_ros.studio.api.exchange": "reads files of other programs",
        "cape_ros.studio.formats.archive": "reads files of other programs",
        "cape_ros.studio.formats.cvat": "reads XML",
    },
    ("rosbags",): {
        "cape_ros.bag.types": "knows messages",
        "cape_ros.bag.recording": "reads recordings",
        "cape_ros.bag.unfinished": "reads recordings",
        "cape_ros.bag.image_topic": "reads messages",
    },
    ("mcap",): {
        "cape_ros.bag.recording": "reads what is cut off, too",
        "cape_ros.bag.scanned": "reads MCAP files",
        "cape_ros.bag.mcap_file": "writes MCAP files",
    },
    (  # imported where they are used, never before
        "skimage",
        "openvino",
        "onnx",
        "onnxscript",
        "onnxruntime",
        "supervision",
        "tensorboard",
        "matplotlib",
        "mcap_ros2",
        "trimesh",
        "embreex",
        "mujoco",
        "tabletask",
    ): {},
}
NAMES = {"scikit-image": "skimage", "mcap-ros2-support": "mcap_ros2"}  # of modules, if others
# One process that has imported the large packages, and for each group a copy of it that has not
# seen the group's packages, nor anything of cape_ros.
PROGRAM = """
import importlib, json, os, sys
import cv2, jinja2, numpy, PIL.Image, rich.console, torch, typer
import scipy.interpolate, scipy.ndimage, scipy.optimize, scipy.spatial
from absent import hide, is_one_of

modules, groups = json.load(sys.stdin)
for packages in groups:
    sys.stdout.flush()
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0
        continue
    hide(packages)
    failed = {}
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            failed[module] = kinds, getattr(error, "name", None), str(error)
    loaded = [module for module in sys.modules if is_one_of(module, packages)]
    print(json.dumps([failed, loaded]))
    sys.stdout.flush()
    os._exit(0)
"""


@pytest.fixture(scope="module")
def imported() -> dict[tuple[str, ...], Any]:
    """What failed without each group of packages, and what came of it all the same."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(
            [str(CHECKOUT), str(CHECKOUT / "tests"), os.environ.get("PYTHONPATH", "")]
        )
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([MODULES, [[*ROS, *packages] for packages in NEEDED]]),
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(NEEDED, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("packages", NEEDED, ids=lambda packages: packages[0])
def test_only_what_needs_a_package_cannot_be_imported_without_it(
    packages: tuple[str, ...], imported: dict[tuple[str, ...], Any]
) -> None:
    failed, loaded = imported[packages]
    assert not loaded
    may_fail = NODE | NEEDED[packages]
    assert {name: error for name, error in failed.items() if not is_one_of(name, may_fail)} == {}
    assert [name for name in may_fail if not any(is_one_of(each, [name]) for each in failed)] == []
    for module, (kinds, missing, text) in failed.items():
        by_name = "ImportError" in kinds and is_one_of(missing or "", {*ROS, *packages})
        assert "CapeError" in kinds or by_name, f"{module}: {text}"


def test_every_optional_package_is_among_them() -> None:
    hidden = {package for packages in NEEDED for package in packages}
    assert [name for name in optional_packages() if name not in hidden] == []


def optional_packages() -> list[str]:
    """Modules of the extras that a person chooses, except those of a node."""
    requirements = [
        line.partition("#")[0].strip()
        for path in sorted(CHECKOUT.glob("requirements/*.txt"))
        if path.stem not in ("ros-jazzy", "ros-kilted", "dev", "docs")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    names = [re.split(r"[^\w.-]", line)[0].lower() for line in requirements if line]
    return [NAMES.get(name, name.replace("-", "_")) for name in names]
