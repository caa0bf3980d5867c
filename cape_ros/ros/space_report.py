"""What diagnostics say of a camera's 3-D results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cape_ros.ros.meters import SpaceMeter, percentiles


def space_report(
    meter: SpaceMeter, grew: Callable[[str, int], bool]
) -> tuple[dict[str, Any], list[str]]:
    """Figures, and what is wrong; nothing where nobody wants 3-D results.

    grew: whether a count of that name grew lately.
    """
    if not (meter.depth or meter.results or meter.faults):
        return {}, []
    took = percentiles(list(meter.took))
    values: dict[str, Any] = {
        "depth images": meter.depth,
        "3-D results": meter.results,
        "3-D results without depth": meter.without_depth,
        "3-D results skipped": meter.skipped,
        "3-D [ms] an object, median, p95": "-"
        if took is None
        else f"{1e3 * took[0]:.1f}, {1e3 * took[1]:.1f}",
    }
    wrong = list(meter.faults.copy().values())
    for reason, count in meter.refused.copy().items():
        values[f"no pose: {reason}"] = count
        if grew(f"no pose: {reason}", count):
            wrong.append(f"no pose of {reason}")
    if grew("without depth", meter.without_depth):
        wrong.append(
            "images find no depth image of their stamp on ~/depth: raise depth_wait or "
            "depth_tolerance, or synchronise the clocks of both cameras"
        )
    if grew("3-D skipped", meter.skipped):
        wrong.append("3-D results come too fast for this machine: some are left out")
    return values, wrong
