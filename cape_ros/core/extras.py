"""Optional and missing dependencies: detection, and how to install them. Imports none of them."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec

from cape_ros.core.errors import CapeError

# What pip is asked for, by the name that is imported; as in pyproject.toml and requirements/.
REQUIRED = {
    "torch": "torch>=2.4",
    "torchvision": "torchvision>=0.19",
    "numpy": "numpy>=1.26",
    "scipy": "scipy>=1.11",
    "cv2": "opencv-python-headless>=4.8,<5",
    "yaml": "pyyaml>=6",
    "PIL": "pillow>=10.1",
    "safetensors": "safetensors>=0.4",
    "typer": "typer>=0.12",
    "rich": "rich>=13",
    "tqdm": "tqdm>=4.60",
    "jinja2": "jinja2>=3",
}
EXTRAS = {
    "studio": {
        "fastapi": "fastapi>=0.110",
        "pydantic": "pydantic>=2.7",
        "uvicorn": "uvicorn>=0.35",
        "websockets": "websockets>=14",
        "defusedxml": "defusedxml>=0.7",
    },
    "demo": {"skimage": "scikit-image>=0.22"},
    "bag": {"mcap": "mcap>=1.6", "rosbags": "rosbags>=0.11.9,<0.12"},
    "openvino": {"openvino": "openvino>=2025.0"},
    "export": {
        "onnx": "onnx>=1.16",
        "onnxscript": "onnxscript>=0.2",
        "onnxruntime": "onnxruntime>=1.18",
    },
    "supervision": {"supervision": "supervision>=0.30"},
    "train": {
        "tensorboard": "tensorboard>=2.14",
        "matplotlib": "matplotlib>=3.8",
    },
    "sim": {"mujoco": "mujoco>=3.3", "tabletask": "tabletask==0.2.3"},
    "render": {"trimesh": "trimesh>=4.4", "embreex": "embreex>=2.17.7"},
}


def how_to_install(extra: str) -> str:
    """A command for what an extra of this package needs; no registry has the package itself."""
    return f"pip install {shlex.join(EXTRAS[extra].values())}"


def require_rclpy() -> None:
    """Raises `CapeError` that says how to get it."""
    if not is_installed("rclpy"):
        raise CapeError(
            "the node needs rclpy, which is missing: source ROS 2 and a workspace with cape_ros in "
            "it, or on Linux x86-64 run make in a checkout, which installs it; "
            "cape serve --camera, --video or --demo does without"
        )


def studio_is_installed() -> bool:
    """Whether every package that Studio needs can be imported."""
    return all(map(is_installed, EXTRAS["studio"]))


def require_studio() -> None:
    """Raises `CapeError` that says how to get it."""
    if missing := [name for name in EXTRAS["studio"] if not is_installed(name)]:
        raise CapeError(
            f"Studio needs {', '.join(missing)}: {how_to_install('studio')}; "
            "a node does without it: studio.enable:=false"
        )


def missing_requirement(error: ImportError) -> CapeError | None:
    """The error for a failed import; None if no dependency is missing."""
    module = (error.name or "").partition(".")[0]
    if module == "cape_ros":
        return None
    missing = [name for name in REQUIRED if not is_installed(name)]
    if module not in missing:  # it is there, but something that it stands on is not
        return CapeError(f"{module or 'a package'} cannot be imported by {sys.executable}: {error}")
    command = shlex.join(REQUIRED[name] for name in missing)
    return CapeError(
        f"{', '.join(missing)} cannot be imported by {sys.executable}: activate the environment "
        f"that has them (README, On your robot), or make one and pip install {command}"
    )


def is_installed(name: str) -> bool:
    """name: of a module that can be imported, as far as is known without an import."""
    return sys.modules.get(name) is not None or find_spec(name) is not None
