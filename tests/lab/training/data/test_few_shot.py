from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from shipped_recipe import training_data

from cape_ros.core.errors import InvalidInput
from cape_ros.lab.datasets.mp100 import Dataset
from cape_ros.lab.datasets.views import render
from cape_ros.lab.training.data.augment import view_of_the_paper
from cape_ros.lab.training.data.few_shot import FewShotSteps
from cape_ros.model import CapeFormer, CapeFormerConfig

CONFIG = CapeFormerConfig("resnet18", 8, width=64, heads=4, feedforward=32, encoder_layers=1)


def uneven(data: Path) -> Dataset:
    """Four kites and crosses, a motorbike without company."""
    whole = training_data(data, held_out=())
    wanted = [*whole.of_category(0), *whole.of_category(1), whole.of_category(2)[0]]
    return Dataset(tuple(whole.instances[at] for at in wanted), whole.categories)


def test_the_paper_s_augmentation_scales_and_rotates_a_little_and_never_flips(data: Path) -> None:
    """Read from where it takes the keypoints, against the protocol's crop."""
    instance = training_data(data).instances[1]
    plain, generator = render(instance), np.random.default_rng(0)
    scales, angles = [], []
    for _ in range(300):
        view = view_of_the_paper(instance, generator, (256, 256))
        fitted, _ = cv2.estimateAffine2D(plain.points, view.points)
        assert np.linalg.det(fitted[:, :2]) > 0
        scales.append(1 / np.sqrt(np.linalg.det(fitted[:, :2])))
        angles.append(np.degrees(np.arctan2(fitted[1, 0], fitted[0, 0])))
    scale, angle = np.array(scales), np.abs(angles)
    assert scale.min() == pytest.approx(0.85, abs=1e-3)
    assert scale.max() == pytest.approx(1.15, abs=1e-3)
    assert 0.2 < (np.abs(scale - 1) > 0.149).mean() < 0.45  # beyond one sigma it is cut
    assert angle.max() == pytest.approx(30, abs=0.1)
    assert 0.3 < (angle < 0.05).mean() < 0.5
    assert view.visible.tolist() == instance.visible.tolist()


@pytest.mark.parametrize("shots", [1, 3])
def test_a_step_has_shots_and_a_query_as_the_network_wants_them(data: Path, shots: int) -> None:
    step = FewShotSteps(uneven(data), CONFIG, steps=2, shots=shots, batch=3)[1]
    assert len(step.shots) == shots
    for batch in (*step.shots, step.query):
        assert batch.images.shape == (3, 3, 256, 256)
        assert batch.heatmaps.shape == (3, 4, 64, 64)
    net = CapeFormer(CONFIG).eval()
    with torch.no_grad():
        tokens = net.pool(
            [net.extract(batch.images) for batch in step.shots],
            [batch.heatmaps for batch in step.shots],
            [batch.weight for batch in step.shots],
        )
        output = net.match(net.extract(step.query.images), tokens)
    assert output.points.shape[-3:] == (3, 4, 2)


def test_views_have_the_size_that_the_network_wants(data: Path) -> None:
    network = replace(CONFIG, image_size=(128, 192))
    step = FewShotSteps(uneven(data), network, steps=1, batch=2)[0]
    assert [batch.images.shape for batch in (*step.shots, step.query)] == [(2, 3, 128, 192)] * 2


def test_every_category_is_equally_likely_and_objects_differ(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = uneven(data)
    large = Dataset(dataset.instances + dataset.instances[:4] * 10, dataset.categories)
    steps = FewShotSteps(large, CONFIG, steps=100, shots=3)
    assert "motorbike (1)" in caplog.text
    drawn = np.concatenate([steps.episodes(number) for number in range(100)])
    category = np.array([one.category for one in large.instances])[drawn]
    assert (category == category[:, :1]).all()
    assert (category[:, 0] == 0).mean() == pytest.approx(0.5, abs=0.04)
    assert all(len(set(episode)) == 4 for episode in drawn.tolist())


def test_the_same_seed_and_number_give_the_same_step(data: Path) -> None:
    def images(seed: int, number: int) -> torch.Tensor:
        steps = FewShotSteps(uneven(data), CONFIG, steps=3, batch=2, seed=seed)
        return steps[number].query.images

    assert torch.equal(images(1, 2), images(1, 2))
    assert not torch.equal(images(1, 2), images(1, 1))
    assert not torch.equal(images(1, 2), images(2, 2))
    assert len(list(FewShotSteps(uneven(data), CONFIG, steps=3, batch=2))) == 3


def test_too_few_objects_for_any_pair_is_an_error(data: Path) -> None:
    with pytest.raises(InvalidInput, match="6 objects of 5 shots and a query"):
        FewShotSteps(uneven(data), CONFIG, steps=1, shots=5)
