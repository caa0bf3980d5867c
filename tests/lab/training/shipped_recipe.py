"""The configuration of the shipped weights, and the training data that it would use in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cape_ros.lab.datasets.mp100 import Dataset
from cape_ros.lab.training.batches import annotated
from cape_ros.lab.training.config import DataConfig
from cape_ros.lab.training.config_file import read_config

CONFIGS = Path(__file__).resolve().parents[3] / "config" / "training"
CONFIG = read_config(CONFIGS / "cape_r18.yaml")
LAYOUT = "network.layout=true"
NETWORK, HELD_OUT = CONFIG.network, CONFIG.data.held_out


def training_data(folder: Path, held_out: Sequence[str] = HELD_OUT) -> Dataset:
    return annotated(DataConfig(folder, held_out=tuple(held_out)))
