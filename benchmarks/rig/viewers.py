"""Viewers of Studio's live view in a process of their own, until its input ends:

python -m rig.viewers ADDRESS COUNT aside|drawing

drawing: the first one decodes each picture before it says that it is drawn, as a page does. aside:
none does, and the process leaves the processors to others, as if it ran on another machine. Then
says as JSON: of each frame of the first the age at which it was drawn and the network's time in it,
in milliseconds, and how many frames and bytes all of them got.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
import time

import cv2
import numpy as np
from websockets.asyncio.client import connect


async def watch(address: str, draws: bool, frames: list[tuple[float, float]]) -> int:
    octets = 0
    try:
        async with connect(address, compression=None, max_size=None) as connection:
            async for packet in connection:
                (length,) = struct.unpack("<I", packet[:4])
                header = json.loads(packet[4 : 4 + length])
                if draws:
                    cv2.imdecode(np.frombuffer(packet[4 + length :], np.uint8), cv2.IMREAD_COLOR)
                frames.append(((time.time_ns() - header["stamp_ns"]) / 1e6, header["network_ms"]))
                octets += len(packet)
                await connection.send(json.dumps({"drawn": header["stamp_ns"]}))
    except asyncio.CancelledError:
        return octets
    return octets


async def run(address: str, count: int, drawing: bool) -> None:
    seen: list[list[tuple[float, float]]] = [[] for _ in range(count)]
    tasks = [
        asyncio.create_task(watch(address, drawing and at == 0, frames))
        for at, frames in enumerate(seen)
    ]
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    octets = sum(await asyncio.gather(*tasks))
    print(json.dumps({"first": seen[0], "frames": sum(map(len, seen)), "octets": octets}))


if __name__ == "__main__":
    address, count, manner = sys.argv[1:]
    if manner == "aside":
        os.nice(19)
    asyncio.run(run(address, int(count), manner == "drawing"))
