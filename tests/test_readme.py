"""The examples of the pages, executed as they stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cape_ros.core.errors import SourceError
from cape_ros.media.photographs import photographs

CHECKOUT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """[H, W, 3] uint8 RGB: a cup from above."""
    try:
        return photographs()[0].shots[0].image
    except SourceError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("page", ["README.md", "docs/reference/python.md"])
def test_the_first_example_finds_its_object(page: str, photo: np.ndarray) -> None:
    example = BLOCK.findall((CHECKOUT / page).read_text("utf-8"))[0]
    names: dict[str, Any] = {"photo": photo, "frame": photo[:, ::-1][:, ::-1].copy()}
    exec(compile(example, page, "exec"), names)
    found = names["found"]
    assert found.keypoints.shape == (2, 2)
    assert found.scores.shape == (2,)
    assert (found.scores > 0).all()
    np.testing.assert_allclose(found.keypoints, [(310, 120), (430, 160)], atol=20)
    told = json.loads(json.dumps(found.to_dict()))
    assert [point["name"] for point in told["keypoints"]] == ["rim", "handle"]
