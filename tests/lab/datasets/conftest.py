from __future__ import annotations

from pathlib import Path

import pytest

from cape_ros.core.errors import CapeError
from cape_ros.lab.datasets.rendered.meshes import require_renderer


@pytest.fixture(autouse=True)
def _renderer() -> None:
    try:
        require_renderer()
    except CapeError as error:
        pytest.skip(str(error))


@pytest.fixture
def meshes(tmp_path: Path) -> Path:
    """A folder of OBJ files: two chairs, and a wedge that is the only one of its kind."""
    from primitives import CHAIR, WEDGE, write_obj

    folder = tmp_path / "meshes"
    write_obj(folder / "chair" / "low.obj", CHAIR)
    tall = [(low, (*high[:1], high[1] * 1.3, *high[2:])) for low, high in CHAIR]
    write_obj(folder / "chair" / "tall.obj", tall)
    write_obj(folder / "wedge" / "wedge.obj", WEDGE)
    (folder / "LICENSE.txt").write_text("Public domain\n")
    return folder
