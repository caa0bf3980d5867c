"""Jittered materials: the same mesh in other colours, textures and gloss."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.random import Generator

from cape_ros.lab.datasets.rendered.meshes import Material, Mesh

LIFT, GAMMA = 0.05, 0.85  # black of a file reflects a little, as black things do
AS_IT_IS = 0.4  # part of the meshes whose colours are only lifted
PATTERN = 256  # pixels across and down a photograph that becomes a texture


def dressed(mesh: Mesh, generator: Generator, photograph: np.ndarray | None = None) -> Mesh:
    """The mesh with its materials jittered, all views of it alike.

    photograph: [H, W, 3] uint8 RGB, the pattern of some plain surfaces.
    """
    plain = generator.random() < AS_IT_IS
    return replace(
        mesh,
        materials=tuple(
            _lifted(one) if plain else _jittered(_lifted(one), mesh, generator, photograph)
            for one in mesh.materials
        ),
    )


def lifted(mesh: Mesh) -> Mesh:
    """The mesh in its own colours, its black as bright as black things are."""
    return replace(mesh, materials=tuple(map(_lifted, mesh.materials)))


def board(size: float, generator: Generator, photograph: np.ndarray | None) -> Mesh:
    """A square of so many metres to stand things on, top at z = 0: a photograph or a plain colour.

    Its frame has its origin in the middle of the top.
    """
    half = size / 2
    vertices = np.array(
        [[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]], np.float32
    )
    colour = generator.uniform(0.3, 0.9, 3)
    texture = None
    if photograph is not None:
        texture = _pattern(photograph, 0.5 * colour, 0.5)
    material = Material(_triple(colour), 1.0, 0.1, texture, size)
    return Mesh(
        vertices,
        np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        np.tile(np.array([0, 0, 1], np.float32), (4, 1)),
        np.zeros((4, 2), np.float32),
        np.zeros(2, int),
        (material,),
    )


def _lifted(material: Material) -> Material:
    colour = LIFT + (1 - LIFT) * np.array(material.colour) ** GAMMA
    texture = material.texture
    if texture is not None:
        texture = texture.copy()
        texture[..., :3] = LIFT + (1 - LIFT) * texture[..., :3] ** GAMMA
    return replace(material, colour=_triple(colour), texture=texture)


def _jittered(
    material: Material, mesh: Mesh, generator: Generator, photograph: np.ndarray | None
) -> Material:
    kind = generator.random()
    shine = float(np.clip(material.shine + generator.normal(0, 0.2), 0, 1))
    if material.texture is not None:
        if kind < 0.5:
            return replace(material, shine=shine)
        return replace(material, texture=_tinted(material.texture, generator), shine=shine)
    colour = np.array(material.colour)
    if kind > 0.4:
        colour = generator.uniform(0.05, 0.95, 3)
    if kind > 0.7 and photograph is not None:
        repeat = float(mesh.diagonal * generator.uniform(0.3, 1))
        texture = _pattern(photograph, 0.6 * colour, 0.5)
        return replace(material, texture=texture, repeat=repeat, shine=shine)
    return replace(material, colour=_triple(colour), shine=shine)


def _tinted(texture: np.ndarray, generator: Generator) -> np.ndarray:
    """A texture in other colours: hue and saturation moved."""
    hsv = cv2.cvtColor(np.ascontiguousarray(texture[..., :3], np.float32), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + generator.uniform(0, 360)) % 360
    hsv[..., 1] = np.clip(hsv[..., 1] * generator.uniform(0.6, 1.6), 0, 1)
    tinted: np.ndarray = texture.copy()
    tinted[..., :3] = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return tinted


def _pattern(photograph: np.ndarray, base: np.ndarray, share: float) -> np.ndarray:
    """[P, P, 4] RGBA: a photograph, mirrored at its borders so that it repeats, over a colour."""
    small = cv2.resize(photograph, (PATTERN // 2,) * 2, interpolation=cv2.INTER_AREA)
    across = np.concatenate([small, small[:, ::-1]], axis=1)
    whole = np.concatenate([across, across[::-1]]).astype(np.float32) / 255
    mixed = np.clip(base + share * whole, 0, 1)
    return np.concatenate([mixed, np.ones((*mixed.shape[:2], 1))], axis=2).astype(np.float32)


def _triple(colour: np.ndarray) -> tuple[float, float, float]:
    return float(colour[0]), float(colour[1]), float(colour[2])
