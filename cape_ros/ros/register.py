"""`ros2 run cape_ros register mug.png mug.json`: teach a running node one annotated image."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import rclpy
from rclpy.node import Node
from sensor_msgs.msg import RegionOfInterest

from cape_ros.core.images import read_image
from cape_ros.core.processes import INTERRUPTED
from cape_ros.errors import CapeError
from cape_ros.perception.annotation import Annotation, read_annotation
from cape_ros.registration import RegisterMode
from cape_ros.ros.conversions import to_shot
from cape_ros.srv import RegisterCategory

PATIENCE = 10.0  # [s] for the node to be there, and then for its answer to come
SETTLING = 0.3  # [s] the node may hear of this client later than this client of the node
MODES = {"create": RegisterMode.CREATE, "replace": RegisterMode.REPLACE}


def main(args: list[str] | None = None) -> int:
    """Exit status 0, 1 for what a person can put right, 2 for a wrong command line, 130 for a
    Ctrl-C."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        rclpy.init(args=args)
        given = _parser().parse_args(_without_ros(sys.argv if args is None else ["", *args]))
        print(_register(given))
    except CapeError as error:
        print(f"register: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        if not rclpy.ok():  # rclpy's own, of a context that a signal has ended
            return INTERRUPTED
        raise
    finally:
        rclpy.try_shutdown()
    return 0


def to_request(
    annotation: Annotation, image: Path, name: str | None, mode: int
) -> RegisterCategory.Request:
    """Raises `InvalidInput` that names every fault, `SourceError` for a file that is no image."""
    category = annotation.category(read_image(image), name)
    (shot,) = map(to_shot, category.shots)
    if annotation.box is None:
        shot.box = RegionOfInterest()  # then the node draws it around the keypoints
    return RegisterCategory.Request(
        name=category.name,
        mode=int(mode),
        keypoint_names=list(category.keypoint_names),
        edges=[index for edge in category.edges for index in edge],
        shots=[shot],
    )


def _register(given: argparse.Namespace) -> str:
    mode = RegisterMode.ADD_SHOTS if given.add else MODES["replace" if given.replace else "create"]
    request = to_request(read_annotation(given.keypoints), given.image, given.name, mode)
    node = Node("cape_register")
    try:
        response = _call(node, f"{given.node.rstrip('/')}/register_category", request, given.wait)
    finally:
        node.destroy_node()
    if not response.success:
        raise CapeError(f"{given.node} refused: {response.message}")
    return str(response.message)


def _call(node: Node, service: str, request: Any, seconds: float) -> Any:
    client = node.create_client(RegisterCategory, service)
    if not client.wait_for_service(timeout_sec=seconds):
        raise CapeError(f"no node offers {service} within {seconds:g} s; is it running?")
    time.sleep(SETTLING)
    future = client.call_async(request)
    end = time.monotonic() + max(seconds, PATIENCE)
    while not future.done() and time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.1)
    if not future.done():
        raise CapeError(f"{service} did not answer within {max(seconds, PATIENCE):g} s")
    return future.result()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="register", description=__doc__)
    parser.add_argument("image", type=Path, help="photograph that shows the object")
    parser.add_argument("keypoints", type=Path, help="JSON file with the keypoints in it")
    parser.add_argument("--name", help="of the category, in place of the one in the file")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--add", action="store_true", help="one more shot of a known category")
    how.add_argument("--replace", action="store_true", help="in place of the category of this name")
    parser.add_argument("--node", default="/cape", help="full name of the node (/cape)")
    parser.add_argument("--wait", type=float, default=PATIENCE, help="for the node, in seconds")
    return parser


def _without_ros(argv: list[str]) -> list[str]:
    """What is left for this program: `ros2 run` adds arguments after --ros-args."""
    words = argv[1:]
    if "--ros-args" not in words:
        return words
    begin = words.index("--ros-args")
    end = words.index("--", begin) + 1 if "--" in words[begin:] else len(words)
    return words[:begin] + words[end:]
