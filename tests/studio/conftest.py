from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import Site
from steered import Stand


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Stand.on(tmp_path) as stand:
        site = Site(stand)
        yield site
        site.close()
