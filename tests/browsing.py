"""Studio over a steered server, and a browser's side of it."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
import PIL.Image
from steered import SECONDS, Stand
from websockets.sync.client import ClientConnection, connect

from cape_ros.server.server import Result
from cape_ros.studio.studio import Studio


class Site:
    """options: of `Studio`."""

    def __init__(self, stand: Stand, **options: Any) -> None:
        self.stand = stand
        self.studio = Studio(stand.server, port=0, stamp=lambda frame: frame.header or 0, **options)
        self.address = self.studio.address
        stand.on_result = self._hear
        self.browser = httpx.Client(base_url=self.address, timeout=SECONDS)

    def _hear(self, result: Result) -> None:
        self.stand.results.append(result)
        self.studio.offer(result)

    def close(self) -> None:
        self.browser.close()
        self.studio.close()

    def ask(self, method: str, path: str, status: int = 200, **request: Any) -> Any:
        """What is answered; checks the status."""
        answer = self.browser.request(method, f"/api/{path}", **request)
        assert answer.status_code == status, answer.text
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.json() if is_json else answer.content

    def get(self, path: str, status: int = 200) -> Any:
        return self.ask("GET", path, status)

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        return self.ask("POST", path, status, json=body)

    def upload(self, image: np.ndarray) -> str:
        return str(self.ask("POST", "images", content=png(image))["image"])

    def faults(self, path: str, body: Any, status: int = 400) -> dict[str, str]:
        """The fields that a refusal names, and why."""
        return {each["field"]: each["reason"] for each in self.post(path, body, status)["faults"]}

    @contextmanager
    def watch(self, query: str = "") -> Iterator[Viewer]:
        address = self.address.replace("http", "ws") + f"api/live{query}"
        with connect(address, compression=None, max_size=None) as connection:
            yield Viewer(connection)


class Viewer:
    """A viewer of a camera, instead of the page."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def frame(self) -> tuple[dict[str, Any], np.ndarray]:
        """The next one's header and picture; it is not drawn yet."""
        packet = self.connection.recv(SECONDS)
        assert isinstance(packet, bytes)
        (length,) = struct.unpack("<I", packet[:4])
        header = json.loads(packet[4 : 4 + length])
        return header, np.asarray(PIL.Image.open(io.BytesIO(packet[4 + length :])))

    def draw(self, header: dict[str, Any]) -> None:
        self.connection.send(json.dumps({"drawn": header["stamp_ns"]}))

    def has_nothing(self, seconds: float = 0.2) -> bool:
        try:
            self.connection.recv(seconds)
        except TimeoutError:
            return True
        return False


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(image).save(file, "PNG")
    return file.getvalue()
