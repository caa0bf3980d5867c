"""Connections that send nothing whole keep nobody out."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from browsing import Site
from steered import SECONDS

from cape_ros.studio import connections
from cape_ros.studio.api import uploads


def connect(site: Site) -> socket.socket:
    address = urlsplit(site.address)
    return socket.create_connection((address.hostname, address.port), timeout=SECONDS)


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nHost: 127", b"\x16\x03\x01"])
def test_hundreds_of_half_open_connections(site: Site, start: bytes) -> None:
    with ExitStack() as held:
        for _ in range(250):
            half_open = held.enter_context(connect(site))
            half_open.sendall(start)
        assert site.browser.get("/").status_code == 200
        assert site.browser.get("/api/cameras").status_code == 200


def test_a_request_whose_headers_do_not_come_is_given_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "REQUEST_WITHIN", 0.2)
    with connect(site) as half_open:
        half_open.sendall(b"GET / HTTP/1.1\r\nHost: 127")
        assert half_open.recv(10) == b""
    with connect(site) as later:  # the second request of a connection
        host = urlsplit(site.address).netloc.encode()
        later.sendall(b"GET /nothing HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        assert later.recv(10_000).startswith(b"HTTP/1.1 404")
        later.sendall(b"GET / HT")
        while later.recv(10_000):
            pass


def test_a_live_view_stays(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_WITHIN", 0.2)
    site.stand.show(header=1)
    with site.watch("?camera=a") as viewer:
        viewer.draw(viewer.frame()[0])
        time.sleep(0.6)
        site.stand.show(header=2)
        assert viewer.frame()[0]


def test_an_upload_that_stops_coming_is_given_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "STALLED", 0.2)
    with connect(site) as stalled:
        host = urlsplit(site.address).netloc.encode()
        stalled.sendall(
            b"POST /api/images HTTP/1.1\r\nHost: " + host + b"\r\nContent-Length: 9000\r\n\r\nabc"
        )
        answer = b""
        while b"stopped coming" not in answer:
            part = stalled.recv(10_000)
            assert part, answer
            answer += part
    assert answer.startswith(b"HTTP/1.1 400")


def test_requests_of_one_address_have_a_limit(site: Site) -> None:
    host = urlsplit(site.address).netloc.encode()
    request = b"POST /api/images HTTP/1.1\r\nHost: " + host + b"\r\nContent-Length: 9000\r\n\r\nabc"
    with ExitStack() as held:
        for _ in range(connections.MOST_OF_AN_ADDRESS + 20):
            held.enter_context(connect(site)).sendall(request)
        with connect(site) as one_more:
            assert one_more.recv(10) == b""
    assert site.browser.get("/").status_code == 200
