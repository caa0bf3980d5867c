"""Start the node: ros2 launch cape_ros cape.launch.py image:=/camera/image_raw"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node


def generate_launch_description() -> LaunchDescription:
    defaults = Path(get_package_share_directory("cape_ros")) / "config" / "cape.yaml"
    return LaunchDescription(
        [
            DeclareLaunchArgument("image", default_value="/camera/image_raw"),
            DeclareLaunchArgument("namespace", default_value=""),
            DeclareLaunchArgument("params_file", default_value=str(defaults)),
            Node(
                package="cape_ros",
                executable="cape_node",
                name="cape",
                namespace=LaunchConfiguration("namespace"),
                parameters=[LaunchConfiguration("params_file")],
                remappings=[("~/image", LaunchConfiguration("image"))],
                output="screen",
            ),
        ]
    )
