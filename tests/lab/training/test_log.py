from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from train_command import cape_train, rows

from cape_ros.core.errors import TrainingError
from cape_ros.lab.training.log import RunLog, read_log
from cape_ros.lab.training.plot import running_mean

VALUES = {"rate": 1.0, "gradient": 2.0, "proposal_loss": 0.25, "loss": 0.1}


def write(path: Path, done: int, until: int, tensorboard: bool = False) -> None:
    with RunLog(path, done, 10, tensorboard) as log:
        for step in range(done, until):
            log.write(step, 0.5 * step, VALUES | {"loss": 1 / 3 + step})


def test_a_log_that_goes_on_forgets_what_was_after_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    write(path, 0, 7)
    with path.open("a") as file:
        file.write("7,3.5,1")  # killed in the middle of a row
    write(path, 5, 6)
    assert read_log(path)["step"] == [0, 1, 2, 3, 4, 5]
    assert np.float32(read_log(path)["loss"][0]) == np.float32(1 / 3)
    write(path, 0, 1)
    assert len(rows(tmp_path)) == 1


@pytest.mark.parametrize(
    ("garbage", "kept"),
    [
        (b"\xff\xfe\x00garbage\n1,2\n", []),
        (b"", []),
        (b"\n\n", []),
        (b'step,seconds,rate\n0,1,2\nx,1,2\n1,nonsense,2\n2,1,2\n"', [0, 2]),
        (b"step,seconds,rate\n0,1,2\n" + b"9" * 200_000, [0]),
        (b"step,seconds,rate\n0,\x001,2\n" + b"9" * 5000 + b",1,2\n", [0]),
    ],
)
def test_a_damaged_log_does_not_keep_a_run_from_going_on(
    garbage: bytes, kept: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(garbage)
    with RunLog(path, 3, 10) as log:
        log.write(3, 1.0, {"rate": 2.0, "loss": 0.1} if not kept else {"loss": 0.1})
    assert [int(row["step"]) for row in rows(tmp_path)] == [*kept, 3]


def test_a_picture_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install matplotlib")
    assert cape_train("--plot", tmp_path) == 1
    assert "not the log of a run" in capsys.readouterr().err
    write(tmp_path / "log.csv", 0, 9)
    assert cape_train("--plot", tmp_path) == 0
    picture = cv2.imread(str(tmp_path / "curves.png"))
    with RunLog(tmp_path / "log.csv", 9, 10) as log:
        log.write_validation(8, {"PCK@0.1": 30.0, "mPCK": 40.0})
    assert cape_train("--plot", tmp_path) == 0
    assert cv2.imread(str(tmp_path / "curves.png")).shape[1] > picture.shape[1]


def test_without_matplotlib_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "log.csv", 0, 2)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert cape_train("--plot", tmp_path) == 1
    assert "pip install 'tensorboard>=2.14' 'matplotlib>=3.8'" in capsys.readouterr().err


def test_a_running_mean_keeps_a_line_as_it_is() -> None:
    line = np.linspace(0, 1, 200)
    assert np.allclose(running_mean(line)[10:-10], line[10:-10])
    assert running_mean(np.array([3.0])) == [3.0]


def test_tensorboard(tmp_path: Path) -> None:
    if not importlib.util.find_spec("tensorboard"):
        pytest.skip("needs tensorboard: pip install tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write(tmp_path / "log.csv", 0, 4, tensorboard=True)
    write(tmp_path / "log.csv", 2, 5, tensorboard=True)
    with RunLog(tmp_path / "log.csv", 5, 10, tensorboard=True) as log:
        log.write_validation(5, {"PCK@0.1": 12.5})
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    found = events.Scalars("loss")
    assert [event.step for event in found] == [0, 1, 2, 3, 4]
    assert found[3].value == pytest.approx(10 / 3)
    assert [event.value for event in events.Scalars("validation/PCK@0.1")] == [12.5]


def test_what_was_measured_has_a_file_of_its_own(tmp_path: Path) -> None:
    path, other = tmp_path / "log.csv", "validation.csv"
    for done in (0, 4):
        with RunLog(path, done, 10) as log:
            for step in range(done, done + 6):
                log.write(step, 0.5, VALUES)
                if step % 2:
                    log.write_validation(step, {"PCK@0.1": 10.0 * done + step})
        if not done:
            assert [row["step"] for row in rows(tmp_path, other)] == ["1", "3", "5"]
    assert [row["PCK@0.1"] for row in rows(tmp_path, other)] == ["1", "3", "45", "47", "49"]


def test_without_tensorboard_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(TrainingError, match=r"pip install .tensorboard"):
        write(tmp_path / "log.csv", 0, 1, tensorboard=True)
