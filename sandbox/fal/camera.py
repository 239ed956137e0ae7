"""The camera's path over a still picture: decided by the seed alone."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

FULL_MOVE_SECONDS = 4.0  # shorter clips show the beginning of the same move


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the camera looks: zoom >= 1; pan and roll as fractions (-1..1) of what the zoom leaves."""

    zoom: float
    pan_x: float
    pan_y: float
    roll: float


@dataclass(frozen=True, slots=True)
class Path:
    """A move between two poses, with a slight sway that keeps long clips alive."""

    start: Pose
    end: Pose
    sway: float
    phase: float

    def at(self, progress: float, seconds: float) -> Pose:
        """The pose at a progress of 0..1; `seconds` drives the sway."""
        eased = progress * progress * (3 - 2 * progress)
        swing = self.sway * math.sin(self.phase + seconds * 0.7) * min(1.0, seconds)

        def between(a: float, b: float) -> float:
            return a + (b - a) * eased

        return Pose(
            zoom=between(self.start.zoom, self.end.zoom),
            pan_x=between(self.start.pan_x, self.end.pan_x) + swing,
            pan_y=between(self.start.pan_y, self.end.pan_y) + swing * 0.5,
            roll=between(self.start.roll, self.end.roll),
        )


def path_of(seed: int) -> Path:
    """The same seed gives the same path. Every path begins near the whole picture."""
    dice = random.Random(seed)  # noqa: S311  a picture, not a secret
    angle = dice.uniform(0, 2 * math.pi)
    reach = dice.uniform(0.45, 0.8)
    near = Pose(
        zoom=dice.uniform(1.22, 1.34),
        pan_x=math.cos(angle) * reach,
        pan_y=math.sin(angle) * reach,
        roll=dice.uniform(-0.6, 0.6),
    )
    kind = dice.choice(["push in", "pull out", "travel"])
    wide = Pose(zoom=1.02, pan_x=0.0, pan_y=0.0, roll=0.0)
    if kind == "pull out":
        start, end = near, wide
    elif kind == "travel":
        start = Pose(1.16, -near.pan_x, -near.pan_y, -near.roll * 0.5)
        end = Pose(1.2, near.pan_x, near.pan_y, near.roll * 0.5)
    else:
        start, end = wide, near
    return Path(start, end, sway=dice.uniform(0.04, 0.1), phase=dice.uniform(0, 2 * math.pi))


def affine(pose: Pose, *, source: tuple[int, int], target: tuple[int, int]) -> tuple[float, ...]:
    """Pillow's six numbers that map a target pixel to a source pixel, never outside the source."""
    (source_w, source_h), (target_w, target_h) = source, target
    scale_x = source_w / target_w / pose.zoom
    scale_y = source_h / target_h / pose.zoom
    margin = 1 - 1 / pose.zoom  # share of the picture that is out of view, both sides together
    # Half of the margin belongs to the roll, the other half to the pan; so both together stay inside.
    longest = max(target_w / target_h, target_h / target_w)
    theta = pose.roll * 0.5 * margin / longest
    shift_x = clamp(pose.pan_x) * 0.5 * margin * source_w / 2
    shift_y = clamp(pose.pan_y) * 0.5 * margin * source_h / 2
    cos, sin = math.cos(theta), math.sin(theta)
    a, b = scale_x * cos, scale_x * sin
    d, e = -scale_y * sin, scale_y * cos
    middle_x, middle_y = target_w / 2, target_h / 2
    c = source_w / 2 + shift_x - a * middle_x - b * middle_y
    f = source_h / 2 + shift_y - d * middle_x - e * middle_y
    return (a, b, c, d, e, f)


def clamp(value: float) -> float:
    return max(-1.0, min(1.0, value))
