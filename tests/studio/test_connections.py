"""Connections that ask for nothing do not use up the room for others."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest
from browsing import Site

from cape_ros.studio import connections


@pytest.mark.parametrize(
    "said",
    [b"", b"GET / HTTP/1.1\r\nHost: localh", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET"],
)
def test_a_half_open_connection_is_closed(
    site: Site, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "REQUEST_TIMEOUT", 0.2)
    address = urlsplit(site.studio.address)
    with socket.create_connection((address.hostname or "", address.port or 0)) as half:
        half.settimeout(120)
        half.sendall(said)
        while half.recv(1 << 16):
            pass


def test_a_connection_that_asks_in_time_is_kept(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "REQUEST_TIMEOUT", 20.0)
    for _ in range(3):
        site.get("cameras")
