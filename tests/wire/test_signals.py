from __future__ import annotations

import signal

import pytest
import rclpy


@pytest.fixture(autouse=True)
def interrupts_are_heard():
    """Also by the other process, and where the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("threads", [[], ["--threads"]], ids=["one thread", "threads"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_spin_and_the_process_ends_well(start_peer, number, threads):
    other = start_peer(*threads)
    other.process.send_signal(number)
    assert other.process.wait(30) == 0
    if number == signal.SIGINT:
        assert "spin ended by KeyboardInterrupt" in other.log()
    elif threads:
        assert "spin returned" in other.log()
    else:
        assert "spin ended by ExternalShutdownException" in other.log()
    assert "Traceback" not in other.log()


def test_an_interrupt_that_comes_twice_at_once_is_one(monkeypatch):
    """`ros2 launch` sends one to the process, and the terminal one to the whole group."""
    rclpy.init(args=[])
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)  # does not disturb what is done at the end
        monkeypatch.setattr("cape_ros.wire.signals.REPEATED", 0.0)  # as if much later
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        rclpy.try_shutdown()


def test_what_handled_signals_before_does_so_again_after_shutdown():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    for _ in range(2):
        rclpy.init(args=[])
        assert signal.getsignal(signal.SIGTERM) != before[1]
        rclpy.shutdown()
        assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_handler_of_the_program_is_still_called():
    called = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: called.append(number))
    try:
        rclpy.init(args=[])
        signal.raise_signal(signal.SIGTERM)
        assert called == [signal.SIGTERM]
        assert not rclpy.ok()
        rclpy.shutdown()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_program_may_leave_interrupts_to_rclpy_alone():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        rclpy.init(args=[])
        signal.raise_signal(signal.SIGINT)  # and again, as from `ros2 launch`
        signal.raise_signal(signal.SIGINT)
        assert not rclpy.ok()
        rclpy.shutdown()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
