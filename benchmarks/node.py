"""What the node costs, how old its results are, and how it lasts.

    python benchmarks/node.py cost | age | soak  [--json FILE]

Runs on the rclpy of this environment, and says which one it is. The node, a camera
and a robot run in three processes of this machine; in the network's place is one that takes a known
time (cost: none, age: 120 ms), or in the soak a tiny one. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")

from rich.console import Console
from rig import age, cost, soak
from rig.setting import machine


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("cost", "age", "soak"))
    parser.add_argument("--seconds", type=float, default=60.0, help="of cost and age (60)")
    parser.add_argument("--minutes", type=float, default=30.0, help="of the soak (30)")
    parser.add_argument(
        "--reliability",
        default="reliable",
        choices=("reliable", "best_effort"),
        help="of the images in the soak (reliable)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all of it there, too")
    options = parser.parse_args()
    try:
        run(options)
    except RuntimeError as error:
        sys.exit(f"node.py: {error}")


def run(options: argparse.Namespace) -> None:
    """Raises RuntimeError if one of the processes fails."""
    found: dict[str, Any]
    if options.what == "cost":
        found = cost.measure(options.seconds)
        made = cost.table(found)
    elif options.what == "age":
        found = age.measure(options.seconds)
        made = age.table(found)
    else:
        found = soak.measure(60 * options.minutes, options.reliability)
        made = soak.table(found)
    about = machine()
    console = Console()
    console.print(made)
    console.print(
        f"{about['middleware']}, {about['cores']} cores of {about['processor']}, "
        f"Python {about['python']}",
        highlight=False,
    )
    if options.json:
        options.json.write_text(json.dumps({"machine": about, options.what: found}, indent=2))


if __name__ == "__main__":
    main()
