"""The profile with which Fast DDS carries camera images whole: config/fastdds.xml."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, MutableMapping
from pathlib import Path

FILE = Path("config", "fastdds.xml")
VARIABLES = (
    "FASTDDS_DEFAULT_PROFILES_FILE",
    "FASTRTPS_DEFAULT_PROFILES_FILE",
)  # new, and before 2.14

SHARED_MEMORY = Path("/dev/shm")
LEAST_ROOM = 160 << 20  # bytes: two programs with a segment of 64 MiB each, and some more


def profile() -> Path | None:
    """The file: of the checkout, else of share/cape_ros of the installation that this is in."""
    here = Path(__file__).resolve()
    installed = (above / "share" / "cape_ros" / FILE for above in here.parents)
    places = (here.parents[2] / FILE, *installed)
    return next((place for place in places if place.is_file()), None)


def settings(environment: Mapping[str, str], file: Path | None) -> dict[str, str]:
    """The variables to set.

    None with another middleware, where the user has a profile, and where shared memory has too
    little room, as in most containers: without its segment Fast DDS would go through the network.
    """
    middleware = environment.get("RMW_IMPLEMENTATION") or "rmw_fastrtps_cpp"
    if file is None or not is_fastdds(middleware) or any(map(environment.get, VARIABLES)):
        return {}
    if not has_room():
        return {}
    return dict.fromkeys(VARIABLES, str(file))


def use_profile(environment: MutableMapping[str, str] = os.environ) -> None:
    """Selects the profile for this process, before its first node, and for its child processes."""
    environment.update(settings(environment, profile()))


def has_room() -> bool:
    """Whether /dev/shm is large enough for the profile's segments."""
    try:
        return shutil.disk_usage(SHARED_MEMORY).total >= LEAST_ROOM
    except OSError:
        return False


def is_fastdds(middleware: str) -> bool:
    """Whether `middleware`, as in RMW_IMPLEMENTATION, is one of Fast DDS."""
    return middleware.startswith("rmw_fastrtps")


def remedy(middleware: str) -> str:
    """Advice for images that are lost on their way to the node."""
    reliable = "set image_reliability: reliable"
    if not is_fastdds(middleware):
        return f"{reliable}, or give {middleware} and the kernel (net.core.rmem_max) larger buffers"
    names = " and ".join(VARIABLES)
    file = profile() or "config/fastdds.xml of cape_ros"
    return f"start the camera driver with {names} set to {file}, or {reliable}"
