"""`make demo`, the page, and a cup that is taught there: the node's keypoints follow it.

The demo does not publish where its keypoints are; here the photograph is located in the frames.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from cape_ros.media.photographs import photographs

from .conftest import STEP_TIMEOUT
from .person import Person

LONGEST_WAIT = 180.0  # [s] on a busy machine
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")


@dataclass
class Demo:
    """`cape demo` while it runs."""

    process: subprocess.Popen
    log: Path
    address: str = ""

    def wait_for(self, words: re.Pattern) -> str:
        until = time.monotonic() + LONGEST_WAIT
        while time.monotonic() < until:
            if found := words.search(self.log.read_text()):
                return found[0]
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.2)
        raise AssertionError(f"{words.pattern} was not printed: {self.log.read_text()}")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """With a few frames of each photograph; then it shows the coffee while a page is open."""
    log = tmp_path / "log.txt"
    run = "from cape_ros.cli import main; main()"
    words = [sys.executable, "-c", run, "demo", "--frames", "3", "--device", "cpu"]
    with log.open("w") as file:
        process = subprocess.Popen(
            [*words, "--out", str(tmp_path / "out")],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "200"},
        )
    running = Demo(process, log)
    try:
        running.address = running.wait_for(ADDRESS)
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(LONGEST_WAIT)


def features(image: np.ndarray) -> tuple[Sequence[cv2.KeyPoint], np.ndarray]:
    return cv2.SIFT_create().detectAndCompute(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), None)


@cache
def coffee_features() -> tuple[Sequence[cv2.KeyPoint], np.ndarray]:
    return features(photographs()[0].shots[0].image)


def keypoints_in(frame: np.ndarray) -> np.ndarray | None:
    """Of the coffee, where the photograph is found in a frame: [K, 2] pixels."""
    coffee = photographs()[0].shots[0]
    known, there = coffee_features(), features(frame)
    pairs = cv2.BFMatcher().knnMatch(known[1], there[1], k=2)
    good = [first for first, second in pairs if first.distance < 0.7 * second.distance]
    if len(good) < 20:
        return None
    source, target = (
        np.array([points[getattr(match, side)].pt for match in good], np.float32)
        for points, side in ((known[0], "queryIdx"), (there[0], "trainIdx"))
    )
    homography, inliers = cv2.findHomography(source, target, cv2.RANSAC, 3.0)
    if homography is None or inliers.sum() < 20:
        return None
    return cv2.perspectiveTransform(coffee.keypoints[None].astype(np.float64), homography)[0]


def freeze(page: Page, address: str) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """The camera's newest frame, RGB, and what the node found in it."""
    origin = {"Origin": address.rstrip("/")}
    camera = page.request.get(f"{address}api/cameras").json()[0]["camera"]
    answer = page.request.post(
        f"{address}api/freeze", data={"camera": camera}, headers=origin
    ).json()
    return image(page, address, answer["image"]), answer["objects"]


def image(page: Page, address: str, key: str) -> np.ndarray:
    """One that the node keeps, RGB."""
    octets = np.frombuffer(page.request.get(f"{address}api/images/{key}").body(), np.uint8)
    return cv2.cvtColor(cv2.imdecode(octets, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def test_a_cup_taught_on_the_page_is_followed_in_make_demo(demo: Demo, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(STEP_TIMEOUT)
    person = Person(context.new_page(), demo)
    person.open("live")
    demo.wait_for(re.compile("Studio is in use"))
    person.wait_for_frames()
    until = time.monotonic() + LONGEST_WAIT
    while keypoints_in(freeze(person.page, demo.address)[0]) is None:  # still the last photograph
        assert time.monotonic() < until, "the coffee did not come back"
        time.sleep(0.2)
    with person.page.expect_response(lambda answer: answer.url.endswith("/api/freeze")) as answer:
        person.press("Teach from this frame")
    expect(person.page.locator("#teach-stage")).to_have_class("stage filled")
    points = keypoints_in(image(person.page, demo.address, answer.value.json()["image"]))
    assert points is not None
    person.draw_box(points)
    for x, y in points.tolist():
        person.click_at(x, y)
    person.name_object("cup")
    person.register()

    errors: list[float] = []
    until = time.monotonic() + LONGEST_WAIT
    while len(errors) < 3 and time.monotonic() < until:
        frame, objects = freeze(person.page, demo.address)
        truth = keypoints_in(frame)
        for cup in (one for one in objects if one["category"] == "cup" and one["track_id"] >= 0):
            if truth is not None:
                found = np.array([(each["x"], each["y"]) for each in cup["keypoints"]])
                size = np.ptp(truth, axis=0).max()
                errors.append(float(np.median(np.linalg.norm(found - truth, axis=1)) / size))
        time.sleep(0.5)
    context.close()
    assert len(errors) == 3, f"the cup was not found again: {demo.log.read_text()}"
    assert np.median(errors) < 0.1
    assert person.complaints == []
