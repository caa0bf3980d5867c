"""Triangle meshes with materials, in an object frame, from OBJ and MTL files."""

from __future__ import annotations

import io
import logging
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import cv2
import numpy as np

from cape_ros.core.errors import CapeError, SourceError
from cape_ros.core.extras import EXTRAS, how_to_install, is_installed
from cape_ros.core.files import read_file
from cape_ros.lab.datasets.rendered.catalogue import Entry

logger = logging.getLogger(__name__)

LARGEST_TEXTURE = 512  # pixels of the longer side; a view shows a few hundred
GREY = (0.7, 0.7, 0.7)  # where a material is missing
MOST_FACES = 400_000
DEGENERATE = 1e-12  # square of the smallest area that counts, of a mesh of unit diagonal


@dataclass(frozen=True, eq=False)
class Material:
    """colour: RGB in [0, 1]. opacity: 1 = opaque. shine: part of light reflected as by a mirror.
    texture: [H, W, 4] float32 RGBA in [0, 1], top row first; it replaces the colour. repeat: metres
    that the texture covers, laid on from the axis that the surface faces; 0 = the mesh's own uv."""

    colour: tuple[float, float, float] = GREY
    opacity: float = 1.0
    shine: float = 0.0
    texture: np.ndarray | None = None
    repeat: float = 0.0


@dataclass(frozen=True, eq=False)
class Mesh:
    """A mesh in its object frame: metres, x forward, y left, z up, origin in the box's centre.

    vertices: [V, 3] float32. faces: [F, 3] int32. normals: [V, 3] unit, as the file has them or
    from the faces. uv: [V, 2], 0 without texture. material: [F] indices into materials.
    """

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    uv: np.ndarray
    material: np.ndarray
    materials: tuple[Material, ...]

    @property
    def extent(self) -> np.ndarray:
        """[3] metres along x, y, z."""
        size: np.ndarray = self.vertices.max(axis=0) - self.vertices.min(axis=0)
        return size

    @property
    def diagonal(self) -> float:
        return float(np.linalg.norm(self.extent))


def require_renderer() -> None:
    """Raises `CapeError` that says how to get what rendering needs."""
    if missing := [name for name in EXTRAS["render"] if not is_installed(name)]:
        raise CapeError(f"rendering needs {', '.join(missing)}: {how_to_install('render')}")


def load_mesh(entry: Entry) -> Mesh:
    """Read a mesh; a material or a texture that is missing becomes grey, with a word in the log.

    Raises `SourceError` for a file that is missing, damaged, empty or too large.
    """
    require_renderer()
    from trimesh import Trimesh

    parts = [part for part in _parts(entry) if isinstance(part, Trimesh) and len(part.faces)]
    count = sum(len(part.faces) for part in parts)
    if not count:
        raise SourceError(f"{entry.id}: has no faces")
    if count > MOST_FACES:
        raise SourceError(f"{entry.id}: {count} faces are more than {MOST_FACES}")
    offsets = np.cumsum([0, *(len(part.vertices) for part in parts)])
    vertices = np.concatenate([part.vertices for part in parts]).astype(np.float64)
    faces = np.concatenate(
        [part.faces + offset for part, offset in zip(parts, offsets, strict=False)]
    )
    if not np.isfinite(vertices[faces]).all():
        raise SourceError(f"{entry.id}: has vertices that are not finite")
    normals = np.concatenate([part.vertex_normals for part in parts])
    material = np.repeat(np.arange(len(parts)), [len(part.faces) for part in parts])
    used, inverse = np.unique(faces, return_inverse=True)
    vertices, normals = _in_object_frame(entry, vertices[used], normals[used])
    return Mesh(
        vertices.astype(np.float32),
        inverse.reshape(faces.shape).astype(np.int32),
        normals.astype(np.float32),
        np.concatenate([_uv(part) for part in parts])[used].astype(np.float32),
        material,
        tuple(_material(part) for part in parts),
    )


def _parts(entry: Entry) -> list[Any]:
    """A mesh for each material of the file."""
    import trimesh

    data, resolver = _files(entry)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scene = trimesh.load_scene(
                io.BytesIO(data), file_type="obj", resolver=_noting(resolver, entry), process=False
            )
        return list(scene.geometry.values())
    except MemoryError:
        raise
    except Exception as error:  # a reader raises anything, and of nothing but the file
        raise SourceError(f"{entry.id}: not an OBJ file that trimesh reads: {error!r}") from error


def _noting(resolver: Any, entry: Entry) -> Any:
    """A resolver of trimesh that says in the log which file is missing."""
    get = resolver.get

    def get_or_note(name: str) -> Any:
        try:
            return get(name)
        except Exception:  # as many kinds of it as there are resolvers
            logger.warning("%s: %s is missing", entry.id, name)
            raise

    resolver.get = get_or_note
    return resolver


def _files(entry: Entry) -> tuple[bytes, Any]:
    """The OBJ file, and what finds the files that it names."""
    from trimesh.resolvers import FilePathResolver, ZipResolver

    if entry.member is None:
        return read_file(entry.file), FilePathResolver(str(entry.file))
    folder = str(PurePosixPath(entry.member).parent)
    try:
        with zipfile.ZipFile(entry.file) as archive:
            beside = {
                name: io.BytesIO(archive.read(name))
                for name in archive.namelist()
                if name.startswith(f"{folder}/") and not name.endswith("/")
            }
            data = archive.read(entry.member)
    except OSError as error:
        raise SourceError(f"{entry.file}: cannot be read: {error.strerror}") from error
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise SourceError(f"{entry.file}: {entry.member} cannot be read: {error}") from error
    return data, ZipResolver(beside, namespace=folder)


def _in_object_frame(
    entry: Entry, vertices: np.ndarray, normals: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """OBJ's x right, y up, z to the front become x forward, y left, z up (REP-103)."""
    if entry.rotation is not None:
        rotation = np.array(entry.rotation).reshape(3, 3)
        vertices, normals = vertices @ rotation.T, normals @ rotation.T
    vertices, normals = vertices[:, [2, 0, 1]], normals[:, [2, 0, 1]]
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    extent = high - low
    if extent.max() <= 0:
        raise SourceError(f"{entry.id}: all its vertices are one point")
    scale = np.ones(3)
    if entry.size is not None:
        width, depth, height = entry.size
        wanted = np.array([depth, width, height])
        scale = np.where(extent > 1e-6 * extent.max(), wanted / np.maximum(extent, 1e-30), 1)
    normals = normals / scale
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return (vertices - (low + high) / 2) * scale, normals / np.maximum(length, 1e-9)


def _uv(part: Any) -> np.ndarray:
    uv = getattr(part.visual, "uv", None)
    if uv is None or np.shape(uv) != (len(part.vertices), 2):
        return np.zeros((len(part.vertices), 2))
    return np.nan_to_num(np.asarray(uv, np.float64), posinf=0, neginf=0)


def _material(part: Any) -> Material:
    given = getattr(part.visual, "material", None)
    if given is None:
        return Material()
    facts = getattr(given, "kwargs", None) or {}
    opacity = _number(facts.get("d"), 1.0)
    if "d" not in facts and "tr" in facts:
        opacity = 1 - _number(facts.get("tr"), 0.0)
    colour = np.asarray(getattr(given, "diffuse", None), np.float64)[:3] / 255
    shine = float(np.mean(np.asarray(getattr(given, "specular", None), np.float64)[:3]) / 255)
    texture = _texture(getattr(given, "image", None))
    if not (colour.shape == (3,) and np.isfinite(colour).all()):
        colour = np.array(GREY)
    return Material(
        (float(colour[0]), float(colour[1]), float(colour[2])),
        float(np.clip(opacity, 0.05, 1)),
        float(np.clip(np.nan_to_num(shine), 0, 1)),
        texture,
    )


def _number(value: Any, default: float) -> float:
    try:
        number = float(np.ravel(value)[0])
    except (TypeError, ValueError, IndexError):
        return default
    return number if np.isfinite(number) else default


def _texture(image: Any) -> np.ndarray | None:
    if image is None:
        return None
    try:
        pixels: np.ndarray = np.asarray(image.convert("RGBA"), np.float32) / 255
    except Exception:  # a decoder raises anything, and of nothing but the data
        return None
    scale = LARGEST_TEXTURE / max(pixels.shape[:2])
    if scale < 1:
        size = [max(1, round(side * scale)) for side in pixels.shape[1::-1]]
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return pixels
