"""pip package; the ROS 2 package of the same name is built by CMakeLists.txt."""

from glob import glob
from pathlib import Path

from setuptools import setup


def pinned(name: str) -> list[str]:
    """The requirements of a file in requirements/, without its comments."""
    lines = Path(__file__).with_name("requirements").joinpath(name).read_text("utf-8").splitlines()
    wanted = (line.partition("#")[0].strip() for line in lines)
    return [f"{each}; {ROS_WHEELS}" for each in wanted if each]


ROS_WHEELS = "platform_system == 'Linux' and platform_machine == 'x86_64'"

setup(
    name="cape_ros",
    version="0.1.0",
    description="Keypoints of any object from one annotated example, as a ROS 2 node",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=[
        "cape_ros",
        "cape_ros.benchmark",
        "cape_ros.cli",
        "cape_ros.core",
        "cape_ros.demo",
        "cape_ros.evaluation",
        "cape_ros.interfaces",
        "cape_ros.media",
        "cape_ros.model",
        "cape_ros.perception",
        "cape_ros.ros",
        "cape_ros.studio",
        "cape_ros.studio.formats",
        "cape_ros.training",
        "cape_ros.training.data",
    ],
    package_data={
        "cape_ros": ["py.typed", "data/weights/*.safetensors"],
        "cape_ros.interfaces": ["definitions/*/msg/*.msg"],
        "cape_ros.studio": ["page/*", "page/*/*"],
    },
    data_files=[
        ("share/cape_ros", ["package.xml"]),
        ("share/cape_ros/msg", glob("msg/*.msg")),
        ("share/cape_ros/srv", glob("srv/*.srv")),
        ("share/cape_ros/launch", glob("launch/*.py")),
        ("share/cape_ros/config", glob("config/*.yaml")),
        ("share/cape_ros/config/training", glob("config/training/*.yaml")),
        ("share/cape_ros/config/tables", glob("config/tables/*.yaml")),
    ],
    install_requires=[
        "torch>=2.4",
        "torchvision>=0.19",
        "numpy>=1.26",
        "opencv-python-headless>=4.8,<5",  # 5 breaks cv_bridge
        "pyyaml>=6",
        "pillow>=10.1",  # text on overlays
        "safetensors>=0.4",
        "typer>=0.12",
        "rich>=13",
        "tqdm>=4.60",  # the progress bar of downloads
    ],
    extras_require={
        "ros": pinned("ros-jazzy.txt"),  # rclpy where no ROS 2 is installed
        "ros-kilted": pinned("ros-kilted.txt"),  # the same of the next distribution
        "studio": [
            "fastapi>=0.110",  # routes, checks and OpenAPI from the types
            "pydantic>=2.7",
            "uvicorn>=0.35",  # the web server
            "websockets>=14",  # the live view
            "defusedxml>=0.7",  # CVAT files from anybody
        ],
        "demo": ["scikit-image>=0.22"],  # ships the photographs
        "openvino": ["openvino>=2025.0"],  # faster on a CPU
        "export": [
            "onnx>=1.16",  # the file format
            "onnxscript>=0.2",  # PyTorch's exporter stands on it
            "onnxruntime>=1.18",  # checks the file
        ],
        "train": ["tensorboard>=2.14", "matplotlib>=3.8"],  # curves of a run
        "examples": ["mcap>=1.6", "mcap-ros2-support>=0.5.7", "rosbags>=0.11.9,<0.12"],
        "dev": [
            *("pytest>=8", "hypothesis>=6.100", "httpx>=0.27"),
            *("playwright>=1.45", "axe-playwright-python>=0.1.4"),  # Studio's page, as a person
            *("ruff>=0.6", "mypy>=1.11", "types-PyYAML"),
        ],
    },
    entry_points={"console_scripts": ["cape=cape_ros.cli:main"]},
)
