"""Seconds that the model's thread spends in each stage."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds spent on cutting crops and handing them to the device, and in the network.

    On a GPU the network's share ends where its answer is read back.
    """

    preprocess: float = 0.0
    network: float = 0.0

    def __add__(self, other: Timing) -> Timing:
        return Timing(self.preprocess + other.preprocess, self.network + other.network)

    def __sub__(self, other: Timing) -> Timing:
        return Timing(self.preprocess - other.preprocess, self.network - other.network)
