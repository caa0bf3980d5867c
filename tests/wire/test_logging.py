from __future__ import annotations

import pytest
import rclpy.logging
from rcl_interfaces.msg import Log
from rclpy.logging import LoggingSeverity, get_logger
from rclpy.node import Node

from .conftest import wait_for


@pytest.fixture
def logger(request):
    """One that no other test has used."""
    return get_logger(request.node.name)


def test_lines_look_as_those_of_ros(logger, capfd):
    assert logger.warning("no images")
    err = capfd.readouterr().err
    assert err.startswith("[WARN] [")
    assert err.endswith(f"] [{logger.name}]: no images\n")


def test_levels_are_inherited_by_children(logger, capfd):
    child = logger.get_child("below")
    assert not child.debug("unheard")
    logger.set_level(LoggingSeverity.DEBUG)
    assert child.debug("heard")
    child.set_level(LoggingSeverity.ERROR)
    assert not child.warning("unheard")
    assert logger.warning("heard")
    assert child.get_effective_level() == LoggingSeverity.ERROR
    assert "unheard" not in capfd.readouterr().err


def test_a_throttled_line_is_said_once_in_its_time(logger, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(rclpy.logging.time, "monotonic", lambda: now[0])

    def log(seconds: float) -> bool:
        now[0] += seconds
        return logger.warning("too dark", throttle_duration_sec=5.0)

    assert [log(s) for s in (0, 1, 3.9, 0.2, 1, 5)] == [True, False, False, True, False, True]
    assert logger.warning("another line", throttle_duration_sec=5.0)


def test_a_throttled_child_is_the_same_each_time(logger):
    said = [
        logger.get_child("camera").warning("too dark", throttle_duration_sec=1e9) for _ in range(3)
    ]
    assert said == [True, False, False]


def test_lines_can_be_said_once_or_not_the_first_time(logger):
    assert [logger.info("once", once=True) for _ in range(3)] == [True, False, False]
    assert [logger.info("later", skip_first=True) for _ in range(3)] == [False, True, True]


def test_what_a_node_logs_is_heard_on_rosout(spin):
    node, observer, heard = Node("cape", namespace="/robot"), Node("observer"), []
    observer.create_subscription(Log, "/rosout", heard.append, 100)
    spin(observer)
    wait_for(
        lambda: any(log.msg == "lens covered" for log in heard),
        meanwhile=lambda: node.get_logger().get_child("camera").error("lens covered"),
    )
    log = next(log for log in heard if log.msg == "lens covered")
    assert log.name == "robot.cape.camera"
    assert log.level == 40
    assert log.file == __file__


def test_a_node_that_has_ended_can_still_log(ros, capfd):
    node = Node("cape")
    node.destroy_node()
    rclpy.shutdown()
    node.get_logger().error("afterwards")
    assert "afterwards" in capfd.readouterr().err
