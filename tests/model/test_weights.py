"""Fetching released weights, from a real HTTP server and a file in the authors' format."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from cape_ros.core.errors import CheckpointError
from cape_ros.model import CapeFormer, checkpoints, weights
from cape_ros.model.weights import Release


@pytest.fixture(scope="module")
def net() -> CapeFormer:
    torch.manual_seed(0)
    return CapeFormer()


@pytest.fixture(scope="module")
def release(net: CapeFormer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """A released file, with its checksum in its name, behind a local HTTP server."""
    folder = tmp_path_factory.mktemp("release")
    temporary = folder / "file.pth"
    torch.save({"meta": {"epoch": 200}, "state_dict": net.released_state_dict()}, temporary)
    digest = hashlib.sha256(temporary.read_bytes()).hexdigest()[:8]
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = f"http://127.0.0.1:{server.server_address[1]}"
        release = Release("split1-1shot", digest, 0.0, page)
        temporary.rename(folder / release.file)
        yield release
        server.shutdown()


def test_fetch_checks_converts_and_keeps(net: CapeFormer, release: Release, tmp_path: Path) -> None:
    path = weights.fetch(release, tmp_path, progress=False)
    loaded, facts = checkpoints.load(path)
    assert facts["name"] == "split1-1shot"
    state = net.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in loaded.state_dict().items())
    assert [p.name for p in tmp_path.iterdir()] == ["split1-1shot.safetensors"]
    elsewhere = Release(release.name, release.sha256, 0.0, "http://127.0.0.1:9")
    assert weights.fetch(elsewhere, tmp_path) == path


def test_a_file_that_a_person_put_there_is_used(
    net: CapeFormer, release: Release, tmp_path: Path
) -> None:
    offline = Release(release.name, release.sha256, 0.0, "http://127.0.0.1:9")
    with pytest.raises(CheckpointError) as error:
        weights.fetch(offline, tmp_path)
    by_hand = tmp_path / offline.file
    assert str(by_hand) in str(error.value)
    assert offline.url in str(error.value)
    torch.save({"meta": {}, "state_dict": net.released_state_dict()}, by_hand)
    with pytest.raises(CheckpointError, match="SHA-256"):
        weights.fetch(offline, tmp_path)
    digest = hashlib.sha256(by_hand.read_bytes()).hexdigest()[:8]
    renamed = by_hand.rename(tmp_path / Release("split1-1shot", digest, 0.0).file)
    path = weights.fetch(Release("split1-1shot", digest, 0.0, offline.page), tmp_path)
    assert path.is_file()
    assert not renamed.exists()


def test_a_changed_download_is_refused(release: Release, tmp_path: Path) -> None:
    class Renamed(Release):
        @property
        def url(self) -> str:
            return release.url

    with pytest.raises(CheckpointError, match="did not arrive as released"):
        weights.fetch(
            Renamed(release.name, "00000000", 0.0, release.page), tmp_path, progress=False
        )
    assert list(tmp_path.glob("*.safetensors")) == []


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "ran",)

    path = tmp_path / "trap.pth"
    torch.save({"state_dict": Trap()}, path)
    with pytest.raises(CheckpointError, match="not a checkpoint of the authors' format"):
        weights.from_file(path, "")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content",
    [
        torch.zeros(3),
        torch.zeros(()),
        [],
        3,
        {"state_dict": torch.zeros(3)},
        {"state_dict": {"encoder_query.conv1.weight": 1}},
    ],
)
def test_what_holds_no_table_of_tensors_is_refused_in_one_sentence(
    content: object, tmp_path: Path
) -> None:
    path = tmp_path / "bare.pth"
    torch.save(content, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    with pytest.raises(CheckpointError, match=r"bare\.pth: not a checkpoint") as error:
        weights.from_file(path, digest)
    assert "\n" not in str(error.value)


def test_find_explains_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPE_ROS_CACHE", str(tmp_path))
    with pytest.raises(CheckpointError, match="cape lab weights fetch split2-5shot"):
        weights.find("split2-5shot")
    with pytest.raises(CheckpointError, match="neither a file nor a name"):
        weights.find("nonsense")
    assert weights.find(None) == weights.SHIPPED
