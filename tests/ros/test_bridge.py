"""A cv_bridge that is missing, that would crash, or that raises whatever it likes."""

from __future__ import annotations

import array
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import dds  # before the message packages
import numpy as np
import pytest
from sensor_msgs.msg import Image

from cape_ros.core.errors import InvalidInput
from cape_ros.ros import bridge, camera
from cape_ros.ros.conversions import to_array

OLD, NEW = b"\0numpy.core._multiarray_umath\0", b"\0numpy._core._multiarray_umath\0"
Install = Callable[..., Path]
EXOTIC = Image(width=8, height=8, step=8, encoding="nv61", data=array.array("B", bytes(128)))


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """A function that makes a cv_bridge of some code and of an extension with some content."""

    def make(code: str, extension: bytes = b"") -> Path:
        folder = tmp_path / "site" / "cv_bridge"
        (folder / "boost").mkdir(parents=True)
        (folder / "__init__.py").write_text(code)
        (folder / "boost" / "cv_bridge_boost.so").write_bytes(extension)
        monkeypatch.syspath_prepend(folder.parent)
        forget()
        return folder

    def forget() -> None:
        sys.modules.pop("cv_bridge", None)
        for found in (bridge.fault, bridge._folder, bridge._converter):
            found.cache_clear()

    yield make
    forget()


def converter(body: str) -> str:
    return f"class CvBridge:\n    def imgmsg_to_cv2(self, image, encoding):\n        {body}\n"


def rejected(bench: dds.Bench, what: str) -> int:
    return bench.node.server.statistics.rejected.get(what, 0)


def refusal(image: Image = EXOTIC) -> str:
    with pytest.raises(InvalidInput) as error:
        to_array(image)
    return str(error.value)


def test_it_is_asked_for_what_the_node_does_not_know(install: Install) -> None:
    install("import numpy\n" + converter("return numpy.full((8, 8, 3), 7, numpy.uint8)"))
    assert (to_array(EXOTIC) == 7).all()
    assert "go to cv_bridge in" in bridge.state()


@pytest.mark.skipif(not np.__version__.startswith("2"), reason="NumPy 1 is here")
def test_one_that_would_crash_is_refused_with_the_remedy_and_not_imported(
    install: Install,
) -> None:
    folder = install("import os; os.abort()", b"\x7fELF" + OLD)
    said = refusal()
    for part in ("image.encoding: 'nv61'", str(folder), "NumPy 1", "pip install 'numpy<2'", "rgb8"):
        assert part in said
    assert "numpy<2" in bridge.state()
    assert "cv_bridge" not in sys.modules


@pytest.mark.parametrize(
    ("content", "old"), [(OLD, True), (NEW, False), (OLD + NEW, False), (b"no NumPy", False)]
)
def test_what_an_extension_was_compiled_for(install: Install, content: bytes, old: bool) -> None:
    assert bridge.is_for_numpy_1(install("", content)) is old


@pytest.mark.skipif(not np.__version__.startswith("2"), reason="NumPy 1 is here")
def test_an_extension_that_runs_beside_this_numpy_is_not_mistaken() -> None:
    assert not bridge.is_for_numpy_1(Path(cv2.__file__).parent)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ('raise AttributeError("_ARRAY_API not found")', "_ARRAY_API not found"),
        ('raise ImportError("libboost_python: no such file")', "libboost_python"),
        ("class CvBridge:\n    def __init__(self): {}[16]", "16"),
        (converter('raise SystemError("initialization failed")'), "initialization failed"),
        (converter("return None"), "step"),
        (converter("return image.data"), "step"),
    ],
)
def test_whatever_it_raises_refuses_the_image(install: Install, code: str, said: str) -> None:
    install(code)
    for _ in range(2):
        assert said in refusal()


def test_none_is_needed_for_what_the_node_knows(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("raise AssertionError")
    data = array.array("B", bytes(64))
    known = Image(width=8, height=8, step=8, encoding="bayer_rggb8", data=data)
    assert to_array(known).shape == (8, 8, 3)
    with monkeypatch.context() as patch:
        patch.setattr(bridge, "_folder", lambda: None)
        bridge.fault.cache_clear()
        assert bridge.state() == ""
        assert "cv_bridge is needed, which is not installed" in refusal()


def test_the_node_goes_on_beside_a_broken_one(install: Install, start: Callable[..., Any]) -> None:
    install('raise AttributeError("_ARRAY_API not found")')
    bench = start()
    for count in (1, 2):
        bench.robot.camera.publish(EXOTIC)
        dds.wait_for(lambda n=count: rejected(bench, "image.encoding") == n)
        message, found = bench.robot.show()
        assert found.header == message.header


@pytest.mark.parametrize("error", [RuntimeError("of a library"), MemoryError()])
def test_the_node_goes_on_after_anything_in_a_camera_callback(
    start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    bench = start()
    with monkeypatch.context() as patch:
        patch.setattr(camera, "read_image", fail)
        bench.robot.camera.publish(dds.image(1))
        dds.wait_for(lambda: rejected(bench, "internal error") == 1)
    meter = bench.node.session.cameras[0].meter
    assert (meter.images, meter.refused) == (1, 1)
    message, found = bench.robot.show()
    assert found.header == message.header
