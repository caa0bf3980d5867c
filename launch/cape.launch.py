"""Start the node.

ros2 launch cape_ros cape.launch.py image:=/camera/image_raw
ros2 launch cape_ros cape.launch.py cameras:=left,right image:=/{camera}/image_raw

ros2 launch cape_ros cape.launch.py image_reliability:=reliable image_transport:=compressed

Compressed images (parameter image_transport) and camera_info are subscribed to beside `image`,
where camera drivers publish them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from rclpy.utilities import get_rmw_implementation_identifier

from cape_ros.core import fastdds

PARAMETERS = ("image_reliability", "image_transport", "device", "weights")  # as the arguments
ARGUMENTS = {
    "image": ("/camera/image_raw", "Topic of the images; {camera} stands for a camera's name."),
    "cameras": ("", "Names of several cameras, as left,right; empty is one without a name."),
    "detections": ("", "Topic of boxes for the parameter boxes: detections; {camera} as above."),
    "depth": ("", "Topic of depth images for 3-D results; {camera} as above."),
    "image_reliability": ("", "best_effort or reliable; empty is what params_file says."),
    "image_transport": ("", "raw or compressed; empty is what params_file says."),
    "device": ("", "auto, cpu, cuda, openvino, ...; empty is what params_file says."),
    "weights": (
        "",
        "A file or a name (`cape lab weights list`); empty is what params_file says.",
    ),
    "namespace": ("", "Namespace of the node."),
    "name": ("cape", "Name of the node."),
    "params_file": ("", "YAML file of parameters; empty is config/cape.yaml of the package."),
    "autostart": ("true", "Configure and activate; false leaves both to `ros2 lifecycle set`."),
    "use_sim_time": ("false", "Take the time from /clock."),
    "respawn": ("false", "Start the node again when it ends."),
    "log_level": ("info", "debug, info, warn, error or fatal."),
}


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=description)
                for name, (default, description) in ARGUMENTS.items()
            ),
            OpaqueFunction(function=carry_images_whole),
            OpaqueFunction(function=describe_node),
        ]
    )


def carry_images_whole(context: LaunchContext) -> list[SetEnvironmentVariable]:
    """Our Fast DDS profile, unless the user has one; docs/how-to/lost-images.md says why."""
    environment = dict(context.environment)
    environment.setdefault("RMW_IMPLEMENTATION", get_rmw_implementation_identifier())
    profile = Path(get_package_share_directory("cape_ros")) / "config" / "fastdds.xml"
    settings = fastdds.settings(environment, profile)
    return [SetEnvironmentVariable(name, value) for name, value in settings.items()]


def describe_node(context: LaunchContext) -> list[Node]:
    def given(name: str) -> str:
        return str(LaunchConfiguration(name).perform(context))

    defaults = Path(get_package_share_directory("cape_ros")) / "config" / "cape.yaml"
    parameters: list[Any] = [
        given("params_file") or str(defaults),
        {
            "autostart": ParameterValue(LaunchConfiguration("autostart"), value_type=bool),
            "use_sim_time": ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool),
        },
    ]
    for name in PARAMETERS:
        if given(name):
            parameters.append({name: ParameterValue(given(name), value_type=str)})
    cameras = [name.strip() for name in given("cameras").split(",") if name.strip()]
    if cameras:
        parameters.append({"cameras": cameras})
    remappings = []
    for camera in cameras or [""]:
        prefix = f"~/{camera}" if camera else "~"
        remappings.append((f"{prefix}/image", given("image").replace("{camera}", camera)))
        for name, argument in (("detections_in", "detections"), ("depth", "depth")):
            if given(argument):
                there = given(argument).replace("{camera}", camera)
                remappings.append((f"{prefix}/{name}", there))
    return [
        Node(
            package="cape_ros",
            executable="cape_node",
            name=given("name"),
            namespace=given("namespace"),
            parameters=parameters,
            remappings=remappings,
            arguments=["--ros-args", "--log-level", given("log_level")],
            respawn=given("respawn").lower() in ("true", "1", "yes"),
            respawn_delay=2.0,
            output="screen",
        )
    ]
