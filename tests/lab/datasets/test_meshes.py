from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from primitives import CHAIR, CUBE, body_of, entry_of, write_obj

from cape_ros.core.errors import SourceError
from cape_ros.lab.datasets.rendered.cameras import (
    Camera,
    corners_of,
    looking_from,
    place,
    side,
)
from cape_ros.lab.datasets.rendered.meshes import load_mesh
from cape_ros.lab.datasets.rendered.shading import Lighting, draw
from cape_ros.lab.datasets.rendered.tracing import Body, Placed

LIGHT = Lighting(np.array([0, -0.8, -0.6]), np.full(3, 0.6), np.full(3, 0.4), np.zeros(3), 0.0)


def picture(body: Body, azimuth: float = 30) -> np.ndarray:
    camera = Camera.of_view((80, 80), 45)
    rotation = looking_from(side(azimuth, 20))
    pose = place(camera, rotation, (39.5, 39.5), 60, corners_of(body.mesh.extent))
    drawing = draw(camera, [Placed(body, pose)], LIGHT)
    return drawing.over(np.zeros((80, 80, 3), np.uint8))


def test_the_object_frame_is_forward_left_up_with_its_origin_in_the_middle(tmp_path: Path) -> None:
    """The back of the chair is at the back, of the size that the catalogue gives."""
    mesh = load_mesh(entry_of(write_obj(tmp_path / "chair.obj", CHAIR), (0.5, 0.6, 0.9)))
    assert mesh.extent == pytest.approx([0.6, 0.5, 0.9])
    assert mesh.vertices.max(axis=0) == pytest.approx(-mesh.vertices.min(axis=0))
    top = mesh.vertices[mesh.vertices[:, 2] > 0.4]
    assert (top[:, 0] < -0.2).all()


def test_normals_that_point_inwards_change_nothing(tmp_path: Path) -> None:
    outward = body_of(tmp_path / "outward.obj", CHAIR)
    inward = Body(load_mesh(entry_of(write_obj(tmp_path / "inward.obj", CHAIR, inverted=True))))
    assert np.abs(picture(outward).astype(int) - picture(inward)).max() <= 1


def test_a_mesh_without_its_material_file_is_grey(tmp_path: Path) -> None:
    body = Body(load_mesh(entry_of(write_obj(tmp_path / "bare.obj", CUBE, material=""))))
    pixel = picture(body)[40, 40].astype(int)
    assert pixel.max() - pixel.min() <= 2
    assert pixel.min() > 40


def test_a_texture_that_is_missing_is_named_and_its_colour_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_obj(tmp_path / "cube.obj", CUBE, "Kd 0.9 0.1 0.1\nmap_Kd wood.jpg")
    red, green, blue = picture(Body(load_mesh(entry_of(path))))[40, 40].astype(int)
    assert red > 2 * max(green, blue)
    assert "wood.jpg" in caplog.text


@pytest.mark.parametrize("content", ["", "v 0 0 0\n", "v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n"])
def test_a_file_without_a_surface_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "nothing.obj"
    path.write_text(content)
    with pytest.raises(SourceError, match="nothing"):
        load_mesh(entry_of(path))


def test_a_file_that_vanished_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.obj: no such file"):
        load_mesh(entry_of(tmp_path / "gone.obj"))
