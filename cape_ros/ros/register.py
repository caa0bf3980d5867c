"""`ros2 run cape_ros register mug.png mug.json`: registers an image with a running node."""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import rclpy
import typer
from rclpy.node import Node
from sensor_msgs.msg import RegionOfInterest

from cape_ros.core.errors import CapeError, exit_status
from cape_ros.core.images import read_image
from cape_ros.core.processes import INTERRUPTED
from cape_ros.perception.library.annotation import Annotation, read_annotation
from cape_ros.ros.conversions import to_shot
from cape_ros.ros.shape_messages import to_frame_messages, to_points
from cape_ros.ros.start import init
from cape_ros.server.registration import RegisterMode
from cape_ros.srv import RegisterCategory

SERVICE_TIMEOUT = 10.0  # [s] for the node to be there, and then for its answer to come
SETTLING = 0.3  # [s] the node may hear of this client later than this client of the node

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(args: list[str] | None = None) -> int:
    """Exit status 0, 1 for what a person can put right, 2 for a wrong command line, 130 for a
    Ctrl-C."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
    words = _without_ros(sys.argv[1:] if args is None else args)
    try:
        return exit_status(lambda: _run(args, words), "register")
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        if not rclpy.ok():  # rclpy's own, of a context that a signal has ended
            return INTERRUPTED
        raise
    finally:
        rclpy.try_shutdown()


def _run(args: list[str] | None, words: list[str]) -> Any:
    init(args)
    return app(words, "register")


@app.command()
def register(
    image: Annotated[Path, typer.Argument(help="Photograph that shows the object.")],
    keypoints: Annotated[Path, typer.Argument(help="JSON file with the keypoints in it.")],
    name: Annotated[
        str | None, typer.Option(help="Of the category; else the one in the file.")
    ] = None,
    add: Annotated[bool, typer.Option("--add", help="Further shots of a known category.")] = False,
    replacing: Annotated[
        bool, typer.Option("--replace", help="Instead of the category of this name.")
    ] = False,
    server: Annotated[str, typer.Option("--node", help="Full name of the node.")] = "/cape",
    wait: Annotated[float, typer.Option(help="For the node, in seconds.")] = SERVICE_TIMEOUT,
) -> None:
    """Teach a running node one annotated image.

    [bold]ros2 run cape_ros register mug.png mug.json[/bold]
    """
    if add and replacing:
        raise typer.BadParameter("one of --add and --replace can be meant")
    mode = RegisterMode.CREATE
    if add or replacing:
        mode = RegisterMode.ADD_SHOTS if add else RegisterMode.REPLACE
    request = to_request(read_annotation(keypoints), image, name, mode)
    node = Node("cape_register")
    try:
        response = _call(node, f"{server.rstrip('/')}/register_category", request, wait)
    finally:
        node.destroy_node()
    if not response.success:
        raise CapeError(f"{server} refused: {response.message}")
    typer.echo(response.message)


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
        symmetries=[index for symmetry in category.symmetries for index in symmetry],
        keypoints_3d=to_points(category.shape),
        frames=to_frame_messages(category),
        shots=[shot],
    )


def _call(node: Node, service: str, request: Any, seconds: float) -> Any:
    client = node.create_client(RegisterCategory, service)
    if not client.wait_for_service(timeout_sec=seconds):
        raise CapeError(f"no node offers {service} within {seconds:g} s; is it running?")
    time.sleep(SETTLING)
    future = client.call_async(request)
    end = time.monotonic() + max(seconds, SERVICE_TIMEOUT)
    while not future.done() and time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.1)
    if not future.done():
        raise CapeError(f"{service} did not answer within {max(seconds, SERVICE_TIMEOUT):g} s")
    return future.result()


def _without_ros(words: list[str]) -> list[str]:
    """The arguments without those that `ros2 run` adds after --ros-args."""
    if "--ros-args" not in words:
        return words
    begin = words.index("--ros-args")
    end = words.index("--", begin) + 1 if "--" in words[begin:] else len(words)
    return words[:begin] + words[end:]
