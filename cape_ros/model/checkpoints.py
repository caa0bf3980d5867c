"""Checkpoints: one safetensors file that holds the parameters and says what network they fit."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from cape_ros.core.errors import CheckpointError, InvalidInput
from cape_ros.model.capeformer import CapeFormer
from cape_ros.model.config import CapeFormerConfig
from cape_ros.model.undrawn import Undrawn

FORMAT = "cape_ros/1"
N = TypeVar("N", bound=nn.Module)


class Savable(Protocol):
    """A module that is built from a `CapeFormerConfig`."""

    config: CapeFormerConfig

    def state_dict(self) -> dict[str, Any]:
        """The parameters by name, as `torch.nn.Module` has them."""


def save(
    path: Path, net: Savable, facts: Mapping[str, Any], dtype: torch.dtype = torch.float16
) -> None:
    """Write `net` and `facts` (anything JSON can hold) to `path`, as `write` does."""
    tensors = {
        name: tensor.detach().cpu().to(dtype if tensor.is_floating_point() else tensor.dtype)
        for name, tensor in net.state_dict().items()
    }
    header = {
        "format": FORMAT,
        "model": model_name(type(net)),
        "config": json.dumps(net.config.to_dict()),
        "facts": json.dumps(dict(facts)),
    }
    write(path, tensors, header)


def write(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
    """Tensors and a header as a safetensors file at `path`, replacing it in one step.

    Raises `CheckpointError` if that fails; what was at `path` is then still there.
    """
    folder = path.with_name(f".{path.name}.{os.getpid()}")  # also for safetensors' own `.tmp…`
    temporary = folder / path.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file({k: v.contiguous() for k, v in tensors.items()}, temporary, metadata={**header})
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # as any other file; safetensors makes it private
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot be written: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Removes the temporary files of a `write` that was killed; no other process may be writing."""
    for left in folder.glob(".*.safetensors.*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:  # of an earlier release
            left.unlink(missing_ok=True)


def load(path: Path) -> tuple[CapeFormer, dict[str, Any]]:
    """The network in evaluation mode (float32, on the CPU) and the facts stored with it.

    Raises `CheckpointError` if the file is missing, truncated, not a checkpoint of this project,
    of another network than CapeFormer or made for another architecture than it says.
    """
    return load_one_of(path, (CapeFormer,))


def load_one_of(path: Path, models: Sequence[type[N]]) -> tuple[N, dict[str, Any]]:
    """As `load`, for any of the classes in `models`."""
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; `cape lab weights list` shows what there is")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: damaged, cut short or not safetensors ({error}); get the file again"
        ) from error
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: a safetensors file, but not a checkpoint of cape_ros "
            f"(format {header.get('format')!r}, expected {FORMAT!r})"
        )
    name, known = header.get("model", "capeformer"), {model_name(kind): kind for kind in models}
    if name not in known:
        raise CheckpointError(f"{path}: weights of {name}; {', '.join(known)} is needed here")
    broken = [key for key, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise CheckpointError(f"{path}: {broken[0]} holds NaN or infinity; get the file again")
    try:
        with Undrawn():
            net = known[name](CapeFormerConfig.from_dict(json.loads(header["config"])))
        facts = json.loads(header["facts"])
        net.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
        )
    except (KeyError, ValueError, TypeError, AttributeError, InvalidInput, RuntimeError) as error:
        raise CheckpointError(f"{path}: parameters and architecture do not fit: {error}") from error
    return net.eval(), facts


def model_name(kind: type) -> str:
    """The name of a network class in files and configurations."""
    return kind.__name__.lower()
