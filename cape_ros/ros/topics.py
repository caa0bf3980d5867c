"""Names of topics after remapping, as image_transport has them."""

from __future__ import annotations

from rclpy.node import Node


def is_remapped(node: Node, name: str) -> bool:
    """Whether a rule of the command line or the launch file gives the topic another name."""
    full: str = node.resolve_topic_name(name)
    return full != node.resolve_topic_name(name, only_expand=True)


def transport_topic(node: Node, name: str, transport: str) -> tuple[str, str]:
    """The topic of images, beside which their camera_info is, and that of a transport of them.

    The latter lies below the former wherever that is remapped to, unless it is itself.
    """
    base, own = node.resolve_topic_name(name), f"{name}/{transport}"
    if not is_remapped(node, own):
        return base, f"{base}/{transport}"
    there = node.resolve_topic_name(own)
    return base if is_remapped(node, name) else there.removesuffix(f"/{transport}"), there
