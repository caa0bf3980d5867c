"""A model that hangs: who waits is answered, and what goes on later is not lost."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from steered import IMAGE, SECONDS, Stand, category, wait_for

from cape_ros.core.errors import CapeError
from cape_ros.perception.inference.progress import Progress
from cape_ros.perception.library.library import CategoryLibrary
from cape_ros.server import model_thread
from cape_ros.server.model_thread import ModelHangs, ModelThread
from cape_ros.server.server import CameraCounts, Frame


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with Stand.on(tmp_path) as stand:
        stand.register("cup")
        yield stand


@pytest.fixture
def impatient(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it had hung for all the seconds that it is waited for."""
    monkeypatch.setattr(Progress, "stands_since", 60.0)


@pytest.mark.usefixtures("impatient")
def test_commands_are_answered_while_the_model_hangs(stand: Stand, tmp_path: Path) -> None:
    server = stand.server
    stand.hold()
    before = list(stand.announced)
    for command in (
        lambda: stand.register("pan"),
        lambda: server.remove("cup"),
        lambda: server.activate(None, []),
        lambda: server.estimate(IMAGE),
        lambda: server.estimate(IMAGE, ["cup"], [(10.0, 10.0, 40.0, 30.0)]),
        lambda: server.try_out(IMAGE, category("pan"), None),
    ):
        with pytest.raises(ModelHangs, match=r"the model hangs or is overloaded: .* restart"):
            command()
    assert server.stands_since == 60.0
    assert CategoryLibrary(tmp_path).names() == ("cup",)
    stand.let_go()
    assert list(server.categories) == ["cup"]
    assert server.is_active("cup")
    assert stand.announced == before
    assert server.stands_since is None
    stand.register("pan")
    assert len(stand.results) == 1


@pytest.mark.slow
def test_what_is_on_disk_counts_once_the_model_goes_on(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    show, entered, go_on = stand.estimator.register, threading.Event(), threading.Event()

    def hang(*arguments: object) -> None:
        entered.set()
        assert go_on.wait(SECONDS)
        show(*arguments)  # type: ignore[arg-type]

    stand.estimator.register = hang  # type: ignore[method-assign]
    monkeypatch.setattr(Progress, "stands_since", property(lambda _: 60.0 * entered.is_set()))
    with pytest.raises(ModelHangs, match="pan version 1 is stored, and counts once the model"):
        stand.register("pan")
    monkeypatch.undo()
    go_on.set()
    wait_for(lambda: stand.announced[-1][0] == ["cup", "pan"])
    assert list(stand.server.categories) == ["cup", "pan"]


@pytest.mark.usefixtures("impatient")
def test_a_server_ends_although_the_model_hangs(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    stand.hold()
    stand.server.close()
    assert "stopped without the frame in work: the model hangs" in caplog.messages[-1]
    with pytest.raises(CapeError, match="has stopped"):
        stand.register("pan")
    stand.estimator.gate.set()
    wait_for(lambda: not stand.server.statistics.cameras["a"].pending)
    assert stand.results == []
    assert stand.server.statistics.cameras["a"] == CameraCounts(received=1, dropped=1)


@pytest.mark.parametrize(
    "error", [SystemExit(1), KeyboardInterrupt(), MemoryError(), GeneratorExit()]
)
def test_whatever_a_pass_raises_is_counted_and_the_next_one_goes_well(
    stand: Stand, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    stand.estimator.fail = error
    for _ in range(3):
        stand.show()
    with pytest.raises((RuntimeError, MemoryError)):  # ends no thread of a transport
        stand.register("pan")
    stand.estimator.fail = None
    stand.show()
    server = stand.server
    assert server.statistics.cameras["a"] == CameraCounts(received=4, failed=3, answered=1)
    assert server.statistics.failures == {type(error).__name__: 3}
    assert server.statistics.rejected == {}
    assert caplog.messages == ["frame of a failed"]
    stand.register("pan")


def test_a_listener_that_exits_does_not_end_the_thread(stand: Stand) -> None:
    stand.on_result = lambda result: sys.exit(3)
    stand.show()
    stand.on_result = stand.results.append
    stand.show()
    assert len(stand.results) == 1
    assert stand.server.statistics.failures == {"SystemExit": 1}


def test_progress_tells_a_long_compilation_and_a_slow_machine_from_a_hang() -> None:
    now = [0.0]
    progress = Progress(lambda: now[0])
    thread = ModelThread(progress)
    entered, go_on = threading.Event(), threading.Event()

    def job() -> None:
        entered.set()
        assert go_on.wait(SECONDS)

    assert not thread.is_late
    done = thread.submit(job)
    assert entered.wait(SECONDS)
    now[0] += model_thread.LATE + 0.1
    assert thread.is_late
    with progress.compiling():
        now[0] += 600
        assert not thread.is_late
        thread.check()
    now[0] += model_thread.PATIENCE - 1
    assert thread.is_late
    thread.check()
    now[0] += 2
    with pytest.raises(ModelHangs, match="not gone on for 6 s"):
        thread.check()
    for _ in range(3):
        with progress.one_pass():
            now[0] += 2.0
    now[0] += model_thread.PATIENCE + 2
    assert not thread.is_late
    thread.check()
    go_on.set()
    done.result(SECONDS)
    thread.shutdown()
    with pytest.raises(RuntimeError, match="has ended"):
        thread.submit(job)


def test_frames_of_a_camera_are_dropped_while_the_model_hangs_and_add_up(stand: Stand) -> None:
    stand.hold()
    for _ in range(5):
        stand.server.submit(Frame("a", IMAGE))
    assert stand.server.statistics.cameras["a"] == CameraCounts(received=6, dropped=4, pending=2)
    stand.let_go()
    assert stand.server.statistics.cameras["a"] == CameraCounts(received=6, dropped=4, answered=2)


def test_a_long_job_makes_way_for_what_waits() -> None:
    model, order = ModelThread(Progress()), list[str]()
    begun, queued = threading.Event(), threading.Event()

    def long() -> None:
        order.append("begins")
        begun.set()
        assert queued.wait(SECONDS)
        model.make_way()
        order.append("ends")

    first = model.submit(long)
    assert begun.wait(SECONDS)
    for name in ("another", "a third"):
        model.submit(order.append, name)
    queued.set()
    model.result(first)
    assert order == ["begins", "another", "a third", "ends"]
    last = model.submit(model.make_way)
    model.shutdown()
    assert last.done()
