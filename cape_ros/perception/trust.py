"""Thresholds of scores and matches."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trust:
    """Thresholds of scores and matches, in [0, 1].

    point_threshold: a point with this score is trusted, one with this match is used for the
    object's box. presence_threshold: mean match from which a searched object is present.
    tracking_threshold: mean match below which a tracked object is lost.
    """

    point_threshold: float = 0.3
    presence_threshold: float = 0.35
    tracking_threshold: float = 0.25
