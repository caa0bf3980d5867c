"""The definitions of messages and services: of rosbags, of ROS 2 beyond it, of this package."""

from __future__ import annotations

import os
import site
import sys
from pathlib import Path
from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys import store as rosbags_store

from cape_ros.errors import CapeError
from cape_ros.wire.standard_definitions import MESSAGES, SERVICES

# rosbags drops the default values of definitions; of the common messages only this one has any.
DEFAULT_VALUES = {"geometry_msgs/msg/Quaternion": {"w": 1.0}}

# A message without fields travels as one octet.
PLACEHOLDER: Any = ("structure_needs_at_least_one_member", (Nodetype.BASE, ("uint8", 0)))

# rosidl takes `char` for uint8 before it hashes a type; rosbags 0.11 does not.
rosbags_store.TIDMAP["char"] = rosbags_store.TIDMAP["uint8"]

STORE = get_typestore(
    getattr(Stores, f"ROS2_{os.environ.get('ROS_DISTRO', '').upper()}", Stores.ROS2_JAZZY)
)


def add_definition(name: str, text: str) -> None:
    """Register the text of a .msg or .srv file under `package/msg/Name` or `package/srv/Name`."""
    if "/srv/" in name:
        request, _, response = f"\n{text}".partition("\n---")
        _register(f"{name}_Request", request)
        _register(f"{name}_Response", response)
    else:
        _register(name, text)


def _register(name: str, text: str) -> None:
    package, _, short_name = name.split("/")
    # Parsed as a message, so that rosbags looks for unqualified types among the messages.
    as_message = f"{package}/msg/{short_name}"
    (definition,) = (
        parsed for key, parsed in get_types_from_msg(text, as_message).items() if key == as_message
    )
    constants, fields = definition
    STORE.register({name: (constants, fields or [PLACEHOLDER])})


def _own_folder() -> Path:
    """The folder with this package's msg/ and srv/: the source tree, or what pip installed."""
    root = Path(__file__).resolve().parents[2]
    candidates = [root] if (root / "package.xml").is_file() else []
    candidates += [
        Path(prefix) / "share" / "cape_ros"
        for prefix in (sys.prefix, site.getuserbase(), Path(sys.prefix) / "local")
    ]
    for folder in candidates:
        if (folder / "msg" / "Keypoint.msg").is_file():
            return folder
    raise CapeError(
        "the message definitions of cape_ros are missing; looked in "
        + ", ".join(map(str, candidates))
        + "; install the package again with pip"
    )


for _name, _text in (MESSAGES | SERVICES).items():
    add_definition(_name, _text)
_folder = _own_folder()
for _file in sorted([*_folder.glob("msg/*.msg"), *_folder.glob("srv/*.srv")]):
    add_definition(f"cape_ros/{_file.suffix[1:]}/{_file.stem}", _file.read_text("utf-8"))
