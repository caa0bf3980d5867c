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


@pytest.mark.parametrize(("page", "count"), [("README.md", 1), ("docs/reference/python.md", 2)])
def test_the_first_examples_of_a_page_find_their_object(
    page: str, count: int, photo: np.ndarray
) -> None:
    """One after the other, as a reader would; each leaves what it found in `found`."""
    names: dict[str, Any] = {"photo": photo, "frame": photo.copy()}
    for example in BLOCK.findall((CHECKOUT / page).read_text("utf-8"))[:count]:
        names.pop("found", None)
        exec(compile(example, page, "exec"), names)
        found = names["found"]
        assert found.keypoints.shape == (2, 2)
        assert found.scores.shape == (2,)
        assert (found.scores > 0).all()
        np.testing.assert_allclose(found.keypoints, [(310, 120), (430, 160)], atol=20)
        answer = json.loads(json.dumps(found.to_dict()))
        assert [point["name"] for point in answer["keypoints"]] == ["rim", "handle"]
