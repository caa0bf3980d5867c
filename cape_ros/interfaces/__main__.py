"""`python -m cape_ros.interfaces [--check | --again]` builds the messages; see the package."""

from __future__ import annotations

import sys

from cape_ros.core.errors import exit_status
from cape_ros.interfaces import environment


def main() -> None:
    """--check: only whether the environment can work. --again: also what is up to date."""
    environment.check()
    if "--check" in sys.argv[1:]:
        return
    if not environment.has_rclpy():
        print("No rclpy here: the node needs a sourced ROS 2; everything else works without.")
        return
    from cape_ros.interfaces.build import build

    if generated := build(again="--again" in sys.argv[1:]):
        print(f"Messages generated: {', '.join(generated)}")


if __name__ == "__main__":
    sys.exit(exit_status(main))
