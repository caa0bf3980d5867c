"""Each process of a team runs it: gradients_of_a_team.py EPISODES FEW_SHOT OUT

Of both configurations OUT holds the gradients of step 0 that the processes agree on, and of the
first one OUT/run, a whole run of two steps. Fails if the processes' parameters part.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from shipped_recipe import LAYOUT

from cape_ros.lab.training.batches import Material
from cape_ros.lab.training.config_file import read_config
from cape_ros.lab.training.distributed import gather
from cape_ros.lab.training.start import build
from cape_ros.lab.training.trainer import Trainer, train

SETTINGS = ["network.dropout=0", "batch_norm=frozen"]
EARLY = [
    LAYOUT,
    "episodes.episodes=4",
    "network.backbone=resnet18",
    "optimiser.early_layers_from=0.5",
    "steps=2",
]


def main() -> None:
    torch.set_num_threads(1)
    *paths, out = (Path(word) for word in sys.argv[1:])
    with gather("cpu") as (team, device):
        for path, more in zip(paths, (EARLY, []), strict=True):
            config = read_config(path, SETTINGS + more)
            material = Material.of(config, team)
            trainer = Trainer(config, material, build(config, material), team, device)
            net = trainer.state.net
            row = trainer.step(material.draw(0))
            found = {n: p.grad for n, p in net.named_parameters() if p.grad is not None}
            if team.leads:
                save_file(found, out / f"{config.name}.safetensors", {"row": json.dumps(row)})
            trainer.step(material.draw(1))
            for name, parameter in net.named_parameters():
                apart = (team.mean(parameter) - parameter).abs().max()
                assert apart <= 1e-6 * parameter.abs().max(), name
        train(read_config(paths[0], ["steps=2"]), out / "run", team, device)


if __name__ == "__main__":
    main()
