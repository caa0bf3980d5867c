"""Which requests are admitted, and what an answer must not reveal."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from browsing import Site
from steered import SECONDS, Stand
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from cape_ros.core.errors import CapeError, InvalidInput
from cape_ros.studio.access import WRONG_ORIGIN, WRONG_TOKEN
from cape_ros.studio.studio import Studio

TOKEN = "a-token-of-the-test"


@pytest.fixture
def open_site(tmp_path: Path) -> Iterator[Site]:
    """Bound to every network, so that a token is asked for."""
    with Stand.on(tmp_path) as stand:
        site = Site(stand, host="0.0.0.0", token=TOKEN)
        site.stand.show(header=1)
        port = site.address.partition("/?")[0].rpartition(":")[2]
        site.browser.base_url = httpx.URL(f"http://127.0.0.1:{port}/")
        yield site
        site.close()


def watch(site: Site, **headers: str) -> int:
    """The code with which a WebSocket is closed."""
    address = str(site.browser.base_url).replace("http", "ws") + "api/live?camera=nowhere"
    origin = headers.pop("Origin", None)
    with connect(address, additional_headers=headers, origin=origin) as connection:
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(SECONDS)
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code


def test_this_machine_only_and_without_a_token_unless_told(site: Site) -> None:
    assert site.address.startswith("http://127.0.0.1:")
    assert "token" not in site.address
    assert site.browser.get("/").status_code == 200
    port = int(site.address.rstrip("/").rpartition(":")[2])
    with socket.socket() as other, pytest.raises(OSError, match="refused"):
        other.connect(("127.0.0.2", port))


def test_without_the_token_nothing_is_told(open_site: Site) -> None:
    for path in ("/", "/api/cameras", "/api/openapi.json", "/js/main.js", "/nothing"):
        assert open_site.browser.get(path).status_code == 401
    assert open_site.browser.post("/api/freeze", json={}).status_code == 401
    assert open_site.browser.get(f"/api/cameras?token={TOKEN}").status_code == 401
    for wrong in ("", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"):
        headers = {"Authorization": wrong}
        assert open_site.browser.get("/api/cameras", headers=headers).status_code == 401
    assert watch(open_site) == WRONG_TOKEN
    assert watch(open_site, Cookie="cape_studio_0=wrong") == WRONG_TOKEN


def test_the_token_in_the_address_becomes_a_cookie(open_site: Site) -> None:
    assert open_site.address.endswith(f"/?token={TOKEN}")
    answer = open_site.browser.get(f"/?token={TOKEN}", follow_redirects=False)
    assert (answer.status_code, answer.url.join(answer.headers["location"]).raw_path) == (303, b"/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert int(cookie.partition("max-age=")[2].partition(";")[0]) >= 30 * 24 * 3600
    assert open_site.browser.get("/").status_code == 200
    assert open_site.get("cameras")[0]["camera"] == "a"
    assert open_site.browser.get("/?token=wrong").status_code == 200  # by the cookie
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    assert watch(open_site, Cookie=f"{name}={value}") not in (WRONG_TOKEN, WRONG_ORIGIN)


def test_below_a_folder_of_a_reverse_proxy_every_address_stays_there(open_site: Site) -> None:
    """As with nginx: location /robot/ { proxy_pass http://127.0.0.1:8765/; }."""
    outside = httpx.URL("https://lab.example/robot/")
    moved = open_site.browser.get(f"/?token={TOKEN}", follow_redirects=False)
    assert outside.join(moved.headers["location"]) == outside
    # The cookie is of this folder: another robot's beside it has a token of its own.
    assert "path" not in moved.headers["set-cookie"].lower()
    asked = httpx.get(open_site.browser.base_url).text
    pages = {"": asked, "api/docs": open_site.browser.get("/api/docs").text}
    pages["index.html"] = open_site.browser.get("/").text
    for path, page in pages.items():
        addresses = re.findall(r"""\b(?:href|src|action)=["']?([^"'\s>]+)""", page)
        assert addresses
        for address in addresses:
            assert str(outside.join(path).join(address)).startswith(str(outside)), address


def test_a_pasted_address_is_as_good_as_its_token(open_site: Site) -> None:
    asked = open_site.browser.get("/", params={"token": "wrong"})
    assert (asked.status_code, "token is wrong" in asked.text) == (401, True)
    pasted = {"token": f" {open_site.address} "}
    assert open_site.browser.get("/", params=pasted, follow_redirects=False).status_code == 303


def test_a_token_for_a_machine_with_several_users(tmp_path: Path) -> None:
    with Stand.on(tmp_path) as stand:
        studio = Studio(stand.server, port=0, token=TOKEN)
        assert httpx.get(studio.address.partition("?")[0]).status_code == 401
        assert httpx.get(studio.address, follow_redirects=False).status_code == 303
        studio.close()
        for weak in ("", "short", "with a space", "with;semicolon", "ümläute-und-mehr"):
            with pytest.raises(InvalidInput, match="token"):
                Studio(stand.server, port=0, token=weak)


def test_the_token_in_a_header(open_site: Site) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert open_site.browser.get("/api/cameras", headers=bearer).status_code == 200
    assert watch(open_site, **bearer) not in (WRONG_TOKEN, WRONG_ORIGIN)


def test_a_token_is_made_up_where_none_is_given(tmp_path: Path) -> None:
    with Stand.on(tmp_path) as stand:
        tokens = []
        for _ in range(2):
            studio = Studio(stand.server, host="0.0.0.0", port=0)
            tokens.append(studio.address.partition("token=")[2])
            studio.close()
    assert len(set(tokens)) == 2
    assert min(map(len, tokens)) >= 20


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1"]
)
def test_another_page_may_neither_write_nor_watch(site: Site, origin: str) -> None:
    site.stand.show()
    for path in ("freeze", "images", "categories", "import", "videos"):
        answer = site.browser.post(f"/api/{path}", json={}, headers={"Origin": origin})
        assert answer.status_code == 403
    assert site.browser.delete("/api/categories/x", headers={"Origin": origin}).status_code == 403
    assert watch(site, Origin=origin) == WRONG_ORIGIN
    own = {"Origin": site.address.rstrip("/")}
    assert site.browser.post("/api/freeze", json={}, headers=own).status_code == 200
    assert watch(site, **own) not in (WRONG_TOKEN, WRONG_ORIGIN)


def test_another_name_for_this_machine_is_refused(site: Site, open_site: Site) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    for host in ("evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "[::1", "a b"):
        assert site.browser.get("/", headers={"Host": host}).status_code in (400, 403)
        answer = open_site.browser.get("/", headers={**bearer, "Host": host})
        assert answer.status_code in (400, 403)
    for host in ("evil.example.", "localhost..", ".", "localhost.evil.example."):
        assert site.browser.get("/", headers={"Host": host}).status_code == 403
    # through an ssh tunnel, and as a whole name of DNS
    for host in ("localhost:1234", "127.0.0.1", "[::1]:8765", "localhost.", "LocalHost.:8765"):
        assert site.browser.get("/", headers={"Host": host}).status_code == 200
    own = socket.gethostname()
    for host in (f"{own}.evil.example", f"{own}.evil.example:8765", f"{own}.local.evil.example"):
        answer = open_site.browser.get("/", headers={**bearer, "Host": host})
        assert answer.status_code == 403, host
    names = (own, f"{own.upper()}:8765", f"{own}.local", f"{own}.", f"{own}.local.:8765")
    for host in ("192.168.1.7:8765", *names):
        answer = open_site.browser.get("/", headers={**bearer, "Host": host})
        assert answer.status_code == 200
        assert site.browser.get("/", headers={"Host": host}).status_code == 403


def ask(site: Site, target: str, host: str, *headers: str) -> tuple[int, bytes]:
    """Status and body of a GET with a request line that no library would send."""
    port = site.browser.base_url.port
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", "Connection: close", *headers, "", ""]
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.sendall("\r\n".join(lines).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_a_request_may_name_the_whole_address_as_through_a_proxy(site: Site) -> None:
    site.stand.show()
    for scheme in ("http", "HTTP", "https"):
        status, body = ask(site, f"{scheme}://localhost:8765/api/cameras", "localhost")
        assert (status, body) == (200, site.browser.get("/api/cameras").content)
    assert ask(site, "http://localhost", "localhost")[1] == site.browser.get("/").content
    query = "http://localhost/api/images/x?longest=%33"
    assert ask(site, query, "localhost") == ask(site, "/api/images/x?longest=%33", "localhost")
    missing = ask(site, "http://localhost/api/categories/a%20b", "localhost")
    assert missing == ask(site, "/api/categories/a%20b", "localhost")
    assert ask(site, "http:///api/cameras", "localhost")[0] == 403


def test_the_host_of_a_whole_address_is_the_one_that_counts(site: Site, open_site: Site) -> None:
    assert ask(site, "http://evil.example/", "localhost")[0] == 403
    assert ask(site, "http://localhost/", "evil.example")[0] == 200
    assert ask(open_site, "http://localhost/api/cameras", "localhost")[0] == 401
    bearer = f"Authorization: Bearer {TOKEN}"
    assert ask(open_site, "http://localhost/api/cameras", "localhost", bearer)[0] == 200


def test_every_answer_has_the_headers_that_keep_it_in_place(site: Site) -> None:
    site.stand.show()
    for method, path in (("GET", "/"), ("GET", "/api/cameras"), ("GET", "/no"), ("POST", "/")):
        headers = site.browser.request(method, path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers


def test_head_is_get_without_its_body(site: Site, open_site: Site) -> None:
    """Programs that watch services ask so."""
    site.stand.show()
    for path in ("/", "/js/main.js", "/api/cameras", "/api/openapi.json", "/api/nothing"):
        asked, got = site.browser.head(path), site.browser.get(path)
        assert (asked.status_code, asked.content) == (got.status_code, b"")
        assert asked.headers["content-length"] == got.headers["content-length"]
        assert asked.headers["content-type"] == got.headers["content-type"]
    assert open_site.browser.head("/api/cameras").status_code == 401
    assert open_site.browser.head("/").status_code == 401


def test_names_are_no_paths(site: Site) -> None:
    for path in (
        "/../setup.py",
        "/%2e%2e/studio.py",
        "/..%2f..%2fcli.py",
        "/api/categories/..%2f..%2fetc/shots/0",
        "/api/images/..%2f..%2fetc%2fpasswd",
        "/api/categories/%2e%2e/export",
        "/js/../../access.py",
    ):
        answer = site.browser.get(path)
        assert answer.status_code in (400, 404), path
        assert "import" not in answer.text


def test_what_goes_wrong_inside_is_not_told(site: Site) -> None:
    site.stand.show()
    site.stand.estimator.fail = RuntimeError("a secret of /home/robot")
    image = site.upload(site.stand.results[0].frame.image)
    keypoints = [{"x": 24, "y": 16}]
    body = {
        "name": "cup",
        "keypoint_names": ["a"],
        "shots": [{"image": image, "keypoints": keypoints}],
    }
    answer = site.browser.post("/api/categories", json=body)
    assert answer.status_code == 500
    fault = {"field": "", "reason": "internal error; the log has it", "code": "invalid"}
    assert answer.json() == {"faults": [fault]}
    site.stand.estimator.fail = None
    assert site.post("categories", body)["version"] == 1


def test_a_port_that_is_taken_is_said_in_one_sentence(site: Site) -> None:
    port = int(site.address.rstrip("/").rpartition(":")[2])
    with pytest.raises(CapeError, match=f"{port}: another program has it"):
        Studio(site.stand.server, port=port)
    with pytest.raises(CapeError, match="choose another port or host"):
        Studio(site.stand.server, host="no.such.host.invalid", port=0)


def test_the_api_is_described_without_the_internet(site: Site) -> None:
    paths = site.browser.get("/api/openapi.json").json()["paths"]
    assert {"/api/cameras", "/api/categories/{name}", "/api/import"} <= set(paths)
    answers = [operation["responses"] for verbs in paths.values() for operation in verbs.values()]
    assert all("400" in statuses and "422" not in statuses for statuses in answers)
    page = site.browser.get("/api/docs").text
    assert "/api/estimate" in page
    assert "http://" not in page
    assert "https://" not in page
