"""Reads uploads: raw request bodies with a size limit, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from cape_ros.core.errors import InvalidInput


def raw_body(*media_types: str) -> dict[str, Any]:
    """The OpenAPI entry of a route that takes a raw file."""
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in media_types}
    return {"requestBody": {"required": True, "content": content}}


Made = TypeVar("Made")
STALLED = 20.0  # [s] without a byte; an upload that waits keeps others from beginning
AT_ONCE = 4  # uploads; each may take 20 MB and 40 megapixels, or more for a video


class Uploads:
    """Limits concurrent uploads, bounding memory."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def take(
        self, request: Request, most: int, field: str, use: Callable[[bytes], Made]
    ) -> Made:
        """The result of `use` for the request's body, on another thread. Raises `InvalidInput`."""
        async with self._slots:
            return await run_in_threadpool(use, await _read(request, most, field))


async def _read(request: Request, most: int, field: str) -> bytes:
    """Raises `InvalidInput` for more than `most` bytes, and for a form, before they are read."""
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        raise InvalidInput.of(field, "is a form; send the file itself as the body")
    too_large = InvalidInput.of(field, f"is more than {most / 1e6:.0f} MB", "too_large")
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:18]) > most:
        raise too_large
    body = bytearray()
    parts = request.stream()
    try:
        while (part := await asyncio.wait_for(anext(parts, None), STALLED)) is not None:
            body += part
            if len(body) > most:
                raise too_large
        return bytes(body)
    except asyncio.TimeoutError:
        reason = f"stopped coming after {len(body) / 1e6:.1f} MB; upload it again"
        raise InvalidInput.of(field, reason) from None
