"""Objects from image to image: each keeps its identity, and its points move smoothly."""

from cape_ros.perception.tracking.settings import TrackingSettings
from cape_ros.perception.tracking.tracker import Tracker, track_ids

__all__ = ["Tracker", "TrackingSettings", "track_ids"]
