"""The other process of the tests: ordinary rclpy code that answers what it is sent."""

import sys

from cape_ros import wire

wire.install()

import rclpy  # noqa: E402
from rcl_interfaces.msg import (  # noqa: E402
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.executors import (  # noqa: E402
    ExternalShutdownException,
    MultiThreadedExecutor,
    SingleThreadedExecutor,
)
from rclpy.node import Node  # noqa: E402
from rclpy.qos import DurabilityPolicy, QoSProfile  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from std_msgs.msg import String  # noqa: E402

from cape_ros.srv import RegisterCategory  # noqa: E402


class Peer(Node):
    def __init__(self):
        super().__init__("peer")
        self.echo = self.create_publisher(Image, "image_out", 5)
        self.create_subscription(Image, "image_in", self.echo.publish, 5)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.create_publisher(String, "latched", latched).publish(String(data="from before"))
        self.create_service(RegisterCategory, "~/register", self.register)
        self.declare_parameter("text", "original")
        self.declare_parameter("fixed", 1, ParameterDescriptor(read_only=True))
        half = FloatingPointRange(from_value=0.0, to_value=1.0, step=0.0)
        self.declare_parameter("fraction", 0.5, ParameterDescriptor(floating_point_range=[half]))
        even = IntegerRange(from_value=0, to_value=10, step=2)
        self.declare_parameter("group.even", 4, ParameterDescriptor(integer_range=[even]))
        self.add_on_set_parameters_callback(self.check)
        self.begin = self.create_timer(0.01, self.say_that_it_spins)
        self.get_logger().info("peer is made")

    def say_that_it_spins(self):
        self.begin.cancel()
        self.get_logger().info("peer is up")

    def register(self, request, response):
        response.success = all(len(shot.image.data) for shot in request.shots)
        response.message = f"{request.name}: {len(request.shots)} shots"
        response.version = sum(request.edges)
        return response

    def check(self, parameters):
        bad = [parameter.name for parameter in parameters if parameter.value == "bad"]
        return SetParametersResult(successful=not bad, reason=f"{bad} is bad" if bad else "")


def main():
    rclpy.init()
    node = Peer()
    executor = MultiThreadedExecutor(2) if "--threads" in sys.argv else SingleThreadedExecutor()
    executor.add_node(node)
    try:
        executor.spin()
        node.get_logger().info("spin returned")
    except (KeyboardInterrupt, ExternalShutdownException) as error:
        node.get_logger().info(f"spin ended by {type(error).__name__}")
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
