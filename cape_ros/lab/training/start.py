"""The initial network of a run."""

from __future__ import annotations

import contextlib
from pathlib import Path

import torch

from cape_ros.core.errors import CheckpointError, InvalidInput
from cape_ros.lab.baselines.interface import AnyNetwork
from cape_ros.lab.baselines.models import MODELS
from cape_ros.lab.training.batches import Material
from cape_ros.lab.training.config import TrainingConfig
from cape_ros.lab.training.data.episodes import Episodes
from cape_ros.lab.training.pca_init import start_as_matcher
from cape_ros.model import CapeFormer, checkpoints

LOOKED_AT = 12  # steps whose features the matcher is made from
SAMPLES = 20000  # cells of them


def build(config: TrainingConfig, material: Material) -> AnyNetwork:
    """The network that a run starts from, the same for the same seed.

    Raises `CheckpointError` for weights that are missing or of another architecture.
    """
    torch.manual_seed(config.seed)
    net = MODELS[config.model](config.network)
    if config.start.weights:
        loaded, _ = checkpoints.load_one_of(config.start.weights, (type(net),))
        refuse_other_architecture(config, loaded.config.to_dict(), config.start.weights)
        net.load_state_dict(loaded.state_dict())
    if config.start.imagenet:
        load_imagenet(net, config.start.imagenet)
    if config.start.matcher:
        if not isinstance(material.source, Episodes):
            raise InvalidInput.of("start.matcher", "looks at episodes; few_shot has none")
        assert isinstance(net, CapeFormer)
        match_nearest_neighbours(net, material.source, config.seed)
    return net


def load_imagenet(net: AnyNetwork, source: str) -> None:
    """ImageNet weights, under torchvision's names, into the backbone (or both).

    source: a file, or a name such as `ResNet50_Weights.IMAGENET1K_V1` whose file lies in
        torchvision's cache already.
    """
    path = Path(source)
    with contextlib.suppress(RuntimeError):  # no user of this name
        path = path.expanduser()
    if not path.is_file():
        path = _cached(source)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        lacking = net.backbone.load_state_dict(state, strict=False).missing_keys
        if net.support_backbone:
            net.support_backbone.load_state_dict(state, strict=False)
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"{path}: not {net.config.backbone} weights: {reason}") from error
    lacking = [key for key in lacking if not key.endswith("num_batches_tracked")]
    if lacking:
        raise CheckpointError(f"{path}: not {net.config.backbone} weights, {lacking[0]} is missing")


def match_nearest_neighbours(net: CapeFormer, episodes: Episodes, seed: int) -> None:
    """A head that matches its backbone's features before the first step."""
    net.eval()
    with torch.no_grad():
        seen = [net.extract(episodes.draw((seed, n, 0)).batch.images) for n in range(LOOKED_AT)]
    samples = torch.cat(seen).flatten(2).transpose(1, 2).flatten(0, 1)
    start_as_matcher(net, samples[torch.randperm(len(samples))[:SAMPLES]])


def refuse_other_architecture(
    config: TrainingConfig, stored: dict[str, object], source: Path
) -> None:
    """Raises `CheckpointError` that names every field in which two networks differ."""
    wanted = config.network.to_dict()
    stored = {key: tuple(v) if isinstance(v, list) else v for key, v in stored.items()}
    faults = [
        f"network.{key} is {stored.get(key, 'not set')} there and {value} in the configuration"
        for key, value in wanted.items()
        if stored.get(key) != value
    ]
    if faults:
        raise CheckpointError(f"{source}: made for another architecture: {'; '.join(faults)}")


def _cached(name: str) -> Path:
    from torchvision.models import get_weight  # takes seconds

    try:
        url = get_weight(name).url
    except (ValueError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"{name}: neither a file nor weights that torchvision knows by name"
        ) from error
    path: Path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not path.is_file():
        raise CheckpointError(
            f"{name} is not in torchvision's cache; download {url} to {path}, or give a file "
            "as --imagenet FILE"
        )
    return path
