from __future__ import annotations

import pytest

from cape_ros.core.errors import SourceError
from cape_ros.media.photographs import photographs
from cape_ros.perception.category import Category


@pytest.fixture(scope="session")
def categories() -> list[Category]:
    """Four photographs, each a category with its keypoints marked by hand."""
    try:
        return photographs()
    except SourceError:
        pytest.skip("needs scikit-image, which the photographs come with: pip install scikit-image")
