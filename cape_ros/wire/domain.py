"""How Cyclone DDS is set up: by the environment variables of ROS 2, and the kernel's buffers."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import quoteattr

from cyclonedds.domain import Domain

from cape_ros.errors import InvalidInput

RMEM_MAX = Path("/proc/sys/net/core/rmem_max")
BUFFER = 16 << 20  # octets: several images of 1280x720
RANGES = ("SUBNET", "LOCALHOST", "OFF", "SYSTEM_DEFAULT")

_domains: dict[int, Domain] = {}  # those set up already: Cyclone accepts that once a process


def domain_id(environ: Mapping[str, str] = os.environ) -> int:
    """ROS_DOMAIN_ID. Raises `InvalidInput` for what is none."""
    text = environ.get("ROS_DOMAIN_ID", "") or "0"
    if not text.isdecimal() or int(text) > 232:
        raise InvalidInput.of("ROS_DOMAIN_ID", f"{text!r} is not a number from 0 to 232")
    return int(text)


def configuration(environ: Mapping[str, str] = os.environ) -> str | None:
    """Cyclone's XML for ROS_AUTOMATIC_DISCOVERY_RANGE and ROS_STATIC_PEERS.

    None where the user configures Cyclone. Raises `InvalidInput` for an unknown range.
    """
    if environ.get("CYCLONEDDS_URI"):
        return None
    reach = environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "")
    if not reach:
        reach = "LOCALHOST" if environ.get("ROS_LOCALHOST_ONLY") == "1" else "SUBNET"
    if reach not in RANGES:
        raise InvalidInput.of(
            "ROS_AUTOMATIC_DISCOVERY_RANGE", f"{reach!r} is not one of {', '.join(RANGES)}"
        )
    if reach == "SYSTEM_DEFAULT":
        return None
    general, discovery, internal = (
        "",
        "",
        f'<SocketReceiveBufferSize min="default" max="{BUFFER}B"/>',
    )
    peers = [peer for peer in environ.get("ROS_STATIC_PEERS", "").split(";") if peer]
    if reach != "SUBNET":
        general = "<AllowMulticast>false</AllowMulticast>"
        # Otherwise Cyclone 11 drops the announcements that ROS 2 sends on the loopback device.
        internal += "<ExtendedPacketInfo>false</ExtendedPacketInfo>"
    if reach == "LOCALHOST":
        peers = ["localhost", *peers]
        if len(peers) == 1:  # nothing leaves the machine, so datagrams may be large
            general += "<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>65000B</FragmentSize>"
    if reach == "OFF":
        peers = []
        discovery += f"<Tag>discovery_off_{os.getpid()}</Tag>"
    if peers:
        discovery += (
            "<ParticipantIndex>auto</ParticipantIndex>"
            "<MaxAutoParticipantIndex>32</MaxAutoParticipantIndex><Peers>"
            + "".join(f"<Peer address={quoteattr(peer)}/>" for peer in peers)
            + "</Peers>"
        )
    return (
        f"<CycloneDDS><Domain><General>{general}</General><Discovery>{discovery}</Discovery>"
        f"<Internal>{internal}</Internal></Domain></CycloneDDS>"
    )


def set_up(number: int) -> None:
    """Configure a domain, once a process, and say what hinders it."""
    if number in _domains:
        return
    if (config := configuration()) is not None:
        _domains[number] = Domain(number, config)
    if warning := small_buffer_warning():
        print(f"[WARN] [cape_ros.wire]: {warning}", file=sys.stderr, flush=True)


def small_buffer_warning(limit: Path = RMEM_MAX) -> str | None:
    """What to do if the kernel's receive buffers do not hold an image, None if they do."""
    try:
        octets = int(limit.read_text())
    except (OSError, ValueError):
        return None
    if octets >= BUFFER // 4:
        return None
    return (
        f"net.core.rmem_max is {octets} bytes, too small for images of 1280x720; "
        f"make it larger with: sudo sysctl -w net.core.rmem_max={BUFFER}"
    )
