from __future__ import annotations

import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from cape_ros.errors import InvalidInput
from cape_ros.wire.domain import configuration, domain_id, small_buffer_warning


def settings(**environ: str) -> dict[str, str]:
    """The configuration as {name: value}."""
    root = ElementTree.fromstring(configuration(environ) or "<none/>")
    return {e.tag: e.text or str(e.attrib) for e in root.iter() if not len(e)}


def test_the_domain_is_that_of_ros():
    assert domain_id({}) == domain_id({"ROS_DOMAIN_ID": ""}) == 0
    assert domain_id({"ROS_DOMAIN_ID": "42"}) == 42


@pytest.mark.parametrize("text", ["-1", "233", "one", "1.0"])
def test_a_domain_that_does_not_exist_is_refused(text):
    with pytest.raises(InvalidInput, match=r"ROS_DOMAIN_ID: .*is not a number from 0 to 232"):
        domain_id({"ROS_DOMAIN_ID": text})


def test_buffers_hold_images():
    assert "max" in settings()["SocketReceiveBufferSize"]


def test_how_far_a_node_is_heard():
    assert "AllowMulticast" not in settings()
    for here in ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}, {"ROS_LOCALHOST_ONLY": "1"}):
        assert settings(**here)["AllowMulticast"] == "false"
        assert "localhost" in settings(**here)["Peer"]
    assert "Tag" in settings(ROS_AUTOMATIC_DISCOVERY_RANGE="OFF")
    assert configuration({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SYSTEM_DEFAULT"}) is None
    assert "10.0.0.7" in settings(ROS_STATIC_PEERS="10.0.0.7")["Peer"]
    with pytest.raises(InvalidInput, match="'EVERYWHERE' is not one of SUBNET, LOCALHOST"):
        configuration({"ROS_AUTOMATIC_DISCOVERY_RANGE": "EVERYWHERE"})


def test_large_datagrams_stay_on_the_machine():
    here = settings(ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
    also_there = settings(ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST", ROS_STATIC_PEERS="10.0.0.7")
    assert "FragmentSize" in here
    assert "FragmentSize" not in also_there


def test_the_users_own_configuration_is_left_alone():
    assert configuration({"CYCLONEDDS_URI": "file:///etc/cyclonedds.xml"}) is None


@pytest.mark.parametrize("reach", ["SUBNET", "LOCALHOST", "OFF", "SYSTEM_DEFAULT"])
def test_cyclone_accepts_each_configuration(reach):
    code = (
        "from cape_ros import wire; wire.install(); import rclpy; rclpy.init(args=[]);"
        "rclpy.create_node('probe'); rclpy.shutdown()"
    )
    environ = os.environ | {"ROS_AUTOMATIC_DISCOVERY_RANGE": reach, "ROS_STATIC_PEERS": "127.0.0.1"}
    run = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "config" not in run.stderr


def test_small_kernel_buffers_are_named_with_the_way_out(tmp_path):
    limit = tmp_path / "rmem_max"
    limit.write_text("212992\n")
    assert "212992 bytes" in small_buffer_warning(limit)
    assert "sudo sysctl -w net.core.rmem_max=16777216" in small_buffer_warning(limit)
    limit.write_text("16777216\n")
    assert small_buffer_warning(limit) is None
    assert small_buffer_warning(tmp_path / "not linux") is None
