"""benchmarks/attacks.py with small numbers: the node bears them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import dds  # noqa: F401  skips without rclpy
import pytest

ROOT = Path(__file__).resolve().parents[3]


def test_a_node_bears_malformed_messages_and_oversized_requests(tmp_path: Path) -> None:
    pytest.importorskip("vision_msgs", reason="needs vision_msgs: apt or `make`")
    report = tmp_path / "attacks.json"
    words = ["--messages", "200", "--short", "--no-studio", "--json", str(report)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "attacks.py"), *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(report.read_text())["attacks"]
    assert found["crashes"] == 0
    assert found["flipped_bits"]["served"] == 0
    assert all(seconds < float("inf") for seconds in found["answers_s"].values())
    assert any(name.startswith("rejected: image.") for name in found["counted"])
