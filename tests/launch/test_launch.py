"""The launch file with real processes: each file beside this one, by launch_testing's own runner.

Its plugin for pytest does not fit every release of pytest.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LAUNCH_FILE = HERE.parents[1] / "launch" / "cape.launch.py"
SECONDS = 600.0


needs_launch = pytest.mark.skipif(
    importlib.util.find_spec("launch_testing") is None,
    reason="needs launch_testing: ROS 2 brings it",
)


@needs_launch
@pytest.mark.parametrize(
    ("given", "set_"),
    [
        ({"RMW_IMPLEMENTATION": "rmw_fastrtps_cpp"}, True),
        ({"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"}, False),
        ({"RMW_IMPLEMENTATION": "rmw_fastrtps_cpp", "FASTRTPS_DEFAULT_PROFILES_FILE": "x"}, False),
    ],
)
def test_fast_dds_gets_its_profile_unless_the_user_has_one(
    given: dict[str, str], set_: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from launch import LaunchContext

    from cape_ros.core import fastdds
    from cape_ros.core.fastdds import VARIABLES

    spec = importlib.util.spec_from_file_location("cape_launch", LAUNCH_FILE)
    assert spec is not None
    assert spec.loader is not None
    # Before the environment changes: it imports rclpy, which needs the middleware named there.
    spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
    monkeypatch.setattr(fastdds, "LEAST_ROOM", 0)  # a container has little
    for name in (*VARIABLES, "RMW_IMPLEMENTATION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    context = LaunchContext()
    for action in module.carry_images_whole(context):
        action.visit(context)
    files = {context.environment.get(name) for name in VARIABLES}
    if set_:
        (file,) = files
        assert Path(file).is_file()
        assert Path(file).name == "fastdds.xml"
    else:
        assert files <= {None, "x"}


@needs_launch
@pytest.mark.parametrize("name", ["one_camera", "two_cameras"])
def test_launch(name: str) -> None:
    paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    ran = subprocess.run(
        [sys.executable, "-m", "launch_testing.launch_test", HERE / f"{name}.py"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
