"""A node that records the topics of `/cape` as JSON lines, a video and a contact sheet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time import Time
from sensor_msgs.msg import Image

from cape_ros.demo.contact_sheet import ContactSheet
from cape_ros.demo.film import Film
from cape_ros.demo.scoreboard import Detection, Entry, Match, Scoreboard
from cape_ros.messages.images import to_array
from cape_ros.msg import KeypointArray

LINES, SHEET = "keypoints.jsonl", "contact_sheet.png"


class RecorderNode(Node):
    def __init__(self, scoreboard: Scoreboard, folder: Path, rate: float) -> None:
        super().__init__("demo_recorder")
        self.film = Film(folder, rate)
        self._scoreboard = scoreboard
        self._folder = folder
        self._sheet = ContactSheet()
        self._lines: TextIO = (folder / LINES).open("w", encoding="utf-8")
        self.create_subscription(KeypointArray, "/cape/keypoints", self._on_keypoints, 50)
        self.create_subscription(Image, "/cape/overlay", self._on_overlay, QoSProfile(depth=10))

    def close(self) -> None:
        """Finish the files; call it when nothing spins the node any more."""
        self._lines.close()
        self.film.close()
        self._sheet.write(self._folder / SHEET)

    def _on_keypoints(self, message: KeypointArray) -> None:
        received = self.get_clock().now().nanoseconds
        stamp = Time.from_msg(message.header.stamp).nanoseconds
        sent = self._scoreboard.find(stamp)
        if sent is None:
            return
        found = tuple(to_detection(one) for one in message.objects if one.category == sent.scene)
        entry = self._scoreboard.answered(stamp, (received - stamp) / 1e9, found)
        for line in as_json(entry) if entry is not None else ():
            self._lines.write(json.dumps(line) + "\n")

    def _on_overlay(self, message: Image) -> None:
        stamp = Time.from_msg(message.header.stamp).nanoseconds
        entry = self._scoreboard.find(stamp)
        if entry is None:
            return
        image = to_array(message)
        self.film.add(image, stamp)
        if entry.index is not None:
            self._sheet.add(entry, image)


def to_detection(message: Any) -> Detection:
    """A cape_ros/ObjectKeypoints message."""
    box = message.box
    keypoints = message.keypoints
    return Detection(
        message.keypoint_names,
        message.category_version,
        message.track_id,
        message.score,
        (box.x_offset, box.y_offset, box.width, box.height),
        np.array([(keypoint.x, keypoint.y) for keypoint in keypoints], float).reshape(-1, 2),
        np.array([keypoint.score for keypoint in keypoints], float),
        np.array([keypoint.visibility for keypoint in keypoints], int),
        message.predicted,
    )


def as_json(entry: Entry) -> list[dict[str, Any]]:
    """One answered frame, a line for each object that was reported, or one without a category.

    frame: None before the scene began. error_px: None for a point that is not visible in truth.
    """
    frame = {
        "stamp": {"sec": entry.stamp // 10**9, "nanosec": entry.stamp % 10**9},
        "scene": entry.scene,
        "frame": entry.index,
        "latency_ms": _rounded((entry.latency or 0) * 1e3),
    }
    lines = [_as_json(entry.scene, match) for match in entry.matches() if match.detection]
    return [frame | line for line in lines or [{"category": None}]]


def _as_json(category: str, match: Match) -> dict[str, Any]:
    detection, truth, errors = match.detection, match.truth, match.errors
    assert detection is not None
    keypoints = []
    for index, name in enumerate(detection.names):
        x, y = detection.keypoints[index]
        keypoint: dict[str, Any] = {
            "name": name,
            "x": _rounded(x),
            "y": _rounded(y),
            "score": round(float(detection.scores[index]), 4),
            "visibility": int(detection.visibility[index]),
        }
        if truth is not None:
            true_x, true_y = truth.keypoints[index]
            keypoint |= {
                "true_x": _rounded(true_x),
                "true_y": _rounded(true_y),
                "true_visible": bool(truth.visible[index]),
                "error_px": _rounded(errors[index]) if errors is not None else None,
            }
        keypoints.append(keypoint)
    return {
        "category": category,
        "category_version": detection.version,
        "track_id": detection.track_id,
        "score": round(detection.score, 4),
        "box": list(detection.box),
        "keypoints": keypoints,
    }


def _rounded(value: float) -> float | None:
    """Hundredths; None for what is unknown, since JSON has no NaN."""
    return None if np.isnan(value) else round(float(value), 2)
