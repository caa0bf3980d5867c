"""Weights by name: the ones that ship with the package and the ones the authors released.

Nothing is downloaded unless `fetch` is called.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor

from cape_ros.core.errors import CheckpointError
from cape_ros.core.files import expand
from cape_ros.model import checkpoints
from cape_ros.model.capeformer import CapeFormer

SHIPPED = Path(__file__).parents[1] / "data" / "weights" / "cape_r18.safetensors"
RELEASE_PAGE = "https://github.com/flyinglynx/CapeFormer/releases/download/checkpoints-mp100"


@dataclass(frozen=True)
class Release:
    """A checkpoint of the authors: ResNet-50, trained on one split of MP-100.

    sha256: the first eight hex digits of the file's checksum, also part of its name.
    pck: PCK@0.2 that the authors published, in percent.
    """

    name: str
    sha256: str
    pck: float
    page: str = RELEASE_PAGE

    @property
    def file(self) -> str:
        """The file's name on the authors' release page."""
        return f"capeformer-{self.name}-{self.sha256}_20230713.pth"

    @property
    def url(self) -> str:
        """Where the authors' release page has the file."""
        return f"{self.page}/{self.file}"


RELEASES = {
    release.name: release
    for release in (
        Release("split1-1shot", "4c40dfd2", 89.45),
        Release("split2-1shot", "d20d76e1", 84.88),
        Release("split3-1shot", "4d9b6534", 83.59),
        Release("split4-1shot", "be9aca13", 83.59),
        Release("split5-1shot", "d0da75a9", 85.09),
        Release("split1-5shot", "e7048c6a", 91.94),
        Release("split2-5shot", "9129de4c", 88.92),
        Release("split3-5shot", "9d997848", 89.40),
        Release("split4-5shot", "19aafbd1", 88.01),
        Release("split5-5shot", "05b04273", 88.25),
    )
}


def cache_folder() -> Path:
    """Where fetched weights lie: `$CAPE_ROS_CACHE`, else `cape_ros` in the user's cache folder.

    Raises `InvalidInput` for a user without a home folder.
    """
    if folder := os.environ.get("CAPE_ROS_CACHE"):
        return Path(folder)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return expand(cache, "CAPE_ROS_CACHE") / "cape_ros"


def find(weights: str | Path | None) -> Path:
    """The file behind a path or a name; None means the shipped weights.

    Raises `CheckpointError` if a released one has not been fetched, or nothing has that name.
    """
    if weights is None or weights == "shipped":
        return SHIPPED
    if str(weights) in RELEASES:
        path = cache_folder() / f"{weights}.safetensors"
        if not path.is_file():
            raise CheckpointError(f"{weights} is not here; run `cape lab weights fetch {weights}`")
        return path
    path = Path(weights)
    if not path.is_file():
        raise CheckpointError(
            f"{weights}: neither a file nor a name that `cape lab weights list` shows"
        )
    return path


def fetch(release: Release, folder: Path, progress: bool = True) -> Path:
    """Download a released checkpoint, check it, convert it and keep it in `folder`.

    A file that a person put there by hand is checked and converted in the same way. Raises
    `CheckpointError` if it cannot be had, has another checksum or is no CapeFormer.
    """
    path = folder / f"{release.name}.safetensors"
    if path.is_file():
        return path
    download = folder / release.file
    folder.mkdir(parents=True, exist_ok=True)
    if not download.is_file():
        try:
            torch.hub.download_url_to_file(
                release.url, str(download), hash_prefix=release.sha256, progress=progress
            )
        except (URLError, OSError) as error:
            raise CheckpointError(
                f"cannot download {release.url} ({error}); download it on another machine, "
                f"put it at {download} and run this again"
            ) from error
        except RuntimeError as error:
            raise CheckpointError(
                f"{release.url} did not arrive as released ({error}); try again later"
            ) from error
    checkpoints.save(
        path, from_file(download, release.sha256), {"name": release.name}, torch.float32
    )
    download.unlink()
    return path


def from_file(path: Path, sha256: str) -> CapeFormer:
    """The network in a file of the authors' format.

    Raises `CheckpointError` if the checksum does not start with `sha256`, or if the file needs
    more than tensors and plain values to be read.
    """
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    if not digest.hexdigest().startswith(sha256):
        raise CheckpointError(
            f"{path}: SHA-256 is {digest.hexdigest()[:8]}..., expected {sha256}...; "
            "delete the file and fetch it again"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        state = content["state_dict"]
    except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, TypeError) as error:
        raise CheckpointError(
            f"{path}: not a checkpoint of the authors' format: {error}"
        ) from error
    if not (isinstance(state, dict) and all(isinstance(one, Tensor) for one in state.values())):
        reason = "its state_dict is no table of tensors"
        raise CheckpointError(f"{path}: not a checkpoint of the authors' format: {reason}")
    return CapeFormer.from_released(state)
