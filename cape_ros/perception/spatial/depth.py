"""Depth images, and the surface that a keypoint lies on.

A keypoint on a rim has the depth of what is behind it in half of its neighbourhood. So the depths
around a keypoint are split into surfaces at their jumps, and the nearest surface that enough pixels
support is taken; where there is none, there is no depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cape_ros.core.errors import InvalidInput

UNITS = {"u2": 0.001, "f4": 1.0, "f8": 1.0}  # metres of one, by the kind of number (REP 118)
LIMITS = {"u": 65535, "f": np.inf}  # of some cameras: no depth here, or more than can be said
PLAUSIBLE = (0.05, 50.0)  # [m] median depth of an image
SAMPLING = 8  # every so many pixels, for the median

# Standard deviations around a keypoint: 99 % of the rims lie within it.
GRID = np.array([(x, y) for y in range(-3, 4) for x in range(-3, 4)], np.float64)
CROSS = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)])
NEAREST, FARTHEST = 1.0, 8.0  # [pixels] between two samples
NEIGHBOURS = 2  # of four, that support a pixel: on a jump's mixed depths fewer do
LEAST_SAMPLES = 3  # of the grid, that make a surface
LEAST_SHARE = 0.0005  # of the evidence, by distance from the keypoint
SPREAD = 5.0  # standard deviations between two depths of one surface
STEEPEST = 3.0  # tangent of the steepest surface that is not a jump, about 72 degrees
EDGE = 2.0  # how much likelier a keypoint lies on a rim than elsewhere
UNEVEN = 6.0  # of a surface's variance: keypoints lie where it bends or ends, not amid it
STEPS = 8  # along the grid from the nearest part of a surface
NOISE = 0.004  # [m] standard deviation at one metre; it grows with the square of the distance
LEAST_NOISE = 0.0005  # [m] however near
INDEPENDENT = 4.0  # measurements at most in one neighbourhood: a sensor's noise is correlated


@dataclass(frozen=True, eq=False)
class DepthImage:
    """Depth along the optical axis, on the pixels of the colour image.

    values: [H, W] as it came, without a copy; 0, NaN, infinity and, of 16 bits, 65535 are holes.
    metres: of one unit.
    """

    values: np.ndarray
    metres: float

    @classmethod
    def of(cls, values: np.ndarray) -> DepthImage:
        """values: [H, W] of uint16 millimetres (16UC1) or float metres (32FC1), in any byte order.

        Raises `InvalidInput` for another type or shape.
        """
        metres = UNITS.get(f"{values.dtype.kind}{values.dtype.itemsize}")
        if metres is None or values.ndim != 2 or not values.size:
            reason = f"is {values.dtype} of shape {values.shape}; give H x W of uint16 or float32"
            raise InvalidInput.of("depth", reason, "wrong_type")
        return cls(values, metres)

    @property
    def size(self) -> tuple[int, int]:
        """Width, height."""
        return self.values.shape[1], self.values.shape[0]

    def measured(self, values: np.ndarray) -> np.ndarray:
        """Which of some values of this image are depths, bool of their shape; the others are of
        holes."""
        found: np.ndarray = (values > 0) & (values < LIMITS[values.dtype.kind])
        return found

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Metres, float64, at integer pixels of any shape; NaN in holes and outside the image."""
        width, height = self.size
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        values = self.values[np.where(inside, y, 0), np.where(inside, x, 0)]
        depth: np.ndarray = np.where(inside & self.measured(values), values * self.metres, np.nan)
        return depth

    def warning(self) -> str:
        """What is odd about the whole image: no depth at all, or the wrong unit; "" = nothing."""
        sample = self.values[::SAMPLING, ::SAMPLING]
        measured = sample[self.measured(sample)]
        if not measured.size:
            return "depth has no measured pixel"
        median = float(np.median(measured)) * self.metres
        if PLAUSIBLE[0] <= median <= PLAUSIBLE[1]:
            return ""
        expected = "millimetres" if self.metres != 1 else "metres"
        return f"the median depth is {median:.4g} m; are its values in {expected}?"


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Where on the surface that it belongs to each of K keypoints lies.

    means: [K, 3] x, y in pixels and the depth in metres, NaN where no surface is supported.
    covariances: [K, 3, 3] of the same.
    """

    means: np.ndarray
    covariances: np.ndarray


def surfaces_at(
    image: DepthImage, pixels: np.ndarray, deviation: np.ndarray, focal: float
) -> Surfaces:
    """The nearest supported surface around each pixel, and where on it the keypoint can be.

    A keypoint that was predicted beside its object is drawn onto it.

    pixels: [K, 2], NaN = none. deviation: [K] standard deviation of the pixels. focal: of the
    camera in pixels.
    """
    given = np.isfinite(pixels).all(axis=1)
    centre = np.where(given[:, None], pixels, -1e6)
    step = np.clip(deviation, NEAREST, FARTHEST)
    places = np.rint(centre[:, None] + GRID * step[:, None, None]).astype(np.intp)
    around = places[:, :, None] + CROSS
    samples = image.at(around[..., 0], around[..., 1])
    depth, near = samples[..., 0], samples[..., 1:]
    spread, pitch = SPREAD * _noise(depth), STEEPEST * depth / focal
    likewise = np.abs(near - depth[..., None]) < (spread + pitch)[..., None]
    depth = np.where(likewise.sum(axis=-1) >= NEIGHBOURS, depth, np.nan)

    away = places - centre[:, None]
    evidence = np.exp(-0.5 * (away / step[:, None, None]) ** 2).prod(axis=-1)
    jump = spread + pitch * step[:, None]
    belongs = _connected(_nearest_surface(depth, evidence, jump), depth, jump)
    none = ~belongs.any(axis=1)
    weights = evidence * belongs * (1 + EDGE * _on_edge(belongs))
    weights[none] = 1.0
    weights /= weights.sum(axis=1, keepdims=True)

    values = np.concatenate((away, np.where(belongs, depth, 0.0)[..., None]), axis=2)
    means = (weights[:, None] @ values)[:, 0]
    values -= means[:, None]
    covariances = (values * weights[..., None]).transpose(0, 2, 1) @ values
    across, along = covariances[:, :2, :2], covariances[:, :2, 2]
    across += (step**2 / 12)[:, None, None] * np.eye(2)
    slope = np.linalg.solve(across, along[..., None])[..., 0]
    uneven = np.maximum(covariances[:, 2, 2] - (slope * along).sum(axis=1), 0.0)
    cut_off = np.maximum(deviation[:, None] ** 2 - across[:, (0, 1), (0, 1)], 0.0)
    independent = np.minimum(1 / (weights**2).sum(axis=1), INDEPENDENT)
    unmoved = (evidence[..., None] * away).sum(axis=1) / evidence.sum(axis=1, keepdims=True)
    means[:, :2] += centre - unmoved  # by the grid, whose places are whole pixels
    covariances[:, (0, 1), (0, 1)] += cut_off
    covariances[:, 2, 2] += (UNEVEN - 1) * uneven + _noise(means[:, 2]) ** 2 / independent
    means[none] = np.nan
    return Surfaces(means, covariances)


def _noise(depth: np.ndarray) -> np.ndarray:
    """Standard deviations [m] of depths [m], of the same shape."""
    deviation: np.ndarray = np.maximum(NOISE * depth**2, LEAST_NOISE)
    return deviation


def _nearest_surface(depth: np.ndarray, evidence: np.ndarray, jump: np.ndarray) -> np.ndarray:
    """[K, S] bool: the samples of each keypoint's nearest surface; all [K, S], NaN = no depth."""
    order = np.argsort(depth, axis=1)
    ascending = np.take_along_axis(depth, order, axis=1)
    wide = np.take_along_axis(jump, order, axis=1)
    split = np.diff(ascending, axis=1) > wide[:, :-1]
    surface = np.zeros(depth.shape, np.intp)
    label = np.concatenate((np.zeros((len(depth), 1), np.intp), split.cumsum(axis=1)), axis=1)
    np.put_along_axis(surface, order, label, axis=1)

    measured = np.isfinite(depth)
    count, each = depth.shape
    flat = (surface + each * np.arange(count)[:, None])[measured]
    samples = np.bincount(flat, minlength=count * each).reshape(count, each)
    share = np.bincount(flat, evidence[measured], count * each).reshape(count, each)
    total = np.maximum(share.sum(axis=1, keepdims=True), 1e-30)
    supported = (samples >= LEAST_SAMPLES) & (share >= LEAST_SHARE * total)
    first = np.where(supported.any(axis=1), supported.argmax(axis=1), -1)
    belongs: np.ndarray = measured & (surface == first[:, None])
    return belongs


def _connected(belongs: np.ndarray, depth: np.ndarray, jump: np.ndarray) -> np.ndarray:
    """[K, S] bool: what of each surface is joined to its nearest part without a jump.

    Between two surfaces that touch somewhere, or with mixed depths, there are all depths.
    """
    masked = np.where(belongs, depth, np.inf)
    nearest = np.partition(masked, LEAST_SAMPLES - 1, axis=1)[:, LEAST_SAMPLES - 1]
    start = belongs & (masked <= nearest[:, None] + np.where(belongs, jump, 0.0))
    region, most = start.reshape(-1, 7, 7), jump.reshape(-1, 7, 7)
    grid = np.where(belongs, depth, np.nan).reshape(-1, 7, 7)
    right = np.abs(np.diff(grid, axis=2)) < most[:, :, 1:]
    below = np.abs(np.diff(grid, axis=1)) < most[:, 1:]
    for _ in range(STEPS):
        region[:, :, 1:] |= region[:, :, :-1] & right
        region[:, :, :-1] |= region[:, :, 1:] & right
        region[:, 1:] |= region[:, :-1] & below
        region[:, :-1] |= region[:, 1:] & below
    joined: np.ndarray = region.reshape(belongs.shape)
    return joined


def _on_edge(belongs: np.ndarray) -> np.ndarray:
    """[K, S] bool: the samples of a surface [K, S] that are beside others."""
    grid = belongs.reshape(-1, 7, 7)
    around = grid.copy()
    around[:, 1:] &= grid[:, :-1]
    around[:, :-1] &= grid[:, 1:]
    around[:, :, 1:] &= grid[:, :, :-1]
    around[:, :, :-1] &= grid[:, :, 1:]
    edge: np.ndarray = belongs & ~around.reshape(belongs.shape)
    return edge
