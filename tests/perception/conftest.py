from __future__ import annotations

import pytest

from cape_ros.errors import SourceError
from cape_ros.perception.category import Category


@pytest.fixture(scope="session")
def categories() -> list[Category]:
    """Four photographs, each a category with its keypoints marked by hand."""
    from cape_ros.demo.photographs import photographs  # needs a ROS 2, or `wire`

    try:
        return photographs()
    except SourceError:
        pytest.skip("needs cape_ros[demo]: the photographs come with scikit-image")
