"""What a user may set of the tracking."""

from __future__ import annotations

from dataclasses import dataclass, field

from cape_ros.perception.trust import Trust


@dataclass(frozen=True)
class TrackingSettings:
    """How objects are tracked; new settings count from the next image on.

    max_instances: of one category that are tracked at once on one camera.
    smoothing: of the published keypoints; 0 = as measured, 1 = still points stand still, more =
        the same for noisier images.
    prediction_time: [s] so long an object that is not seen is published where its motion takes it,
        and in two images at least.
    reidentification_time: [s] found again within it, an object keeps its track_id.
    search_share: of the time that searches for more objects take while others are in view.
    """

    trust: Trust = field(default_factory=Trust)
    max_instances: int = 8
    smoothing: float = 1.0
    prediction_time: float = 0.5
    reidentification_time: float = 5.0
    search_share: float = 0.25
