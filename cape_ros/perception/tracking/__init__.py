"""Objects from image to image: each keeps its identity, and its points move smoothly."""

from cape_ros.perception.tracking.capture_time import CaptureTime
from cape_ros.perception.tracking.schedule import clock_of_images
from cape_ros.perception.tracking.settings import TrackingSettings
from cape_ros.perception.tracking.tracker import Tracker, track_ids

__all__ = ["CaptureTime", "Tracker", "TrackingSettings", "clock_of_images", "track_ids"]
