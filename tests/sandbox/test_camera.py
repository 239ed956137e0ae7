"""The camera never shows what lies outside the picture."""

from itertools import pairwise

import pytest

from sandbox.fal.camera import affine, path_of

SHAPES = [(1280, 720), (720, 1280), (720, 720), (848, 480)]


def edges(matrix, size):
    """Source positions of the target's corners, at pixel centres."""
    a, b, c, d, e, f = matrix
    width, height = size
    for x in (0.5, width - 0.5):
        for y in (0.5, height - 0.5):
            yield a * x + b * y + c, d * x + e * y + f


@pytest.mark.parametrize("size", SHAPES)
def test_the_camera_stays_inside(size):
    source = (size[0] * 4, size[1] * 4)
    for seed in range(200):
        path = path_of(seed)
        for step in range(0, 101, 5):
            pose = path.at(step / 100, seconds=step / 3)
            for x, y in edges(affine(pose, source=source, target=size), size):
                assert 0 <= x <= source[0]
                assert 0 <= y <= source[1]


def test_the_seed_decides():
    assert path_of(5) == path_of(5)
    assert len({path_of(seed) for seed in range(50)}) == 50


def test_the_camera_moves_smoothly():
    path = path_of(3)
    zooms = [path.at(step / 120, step / 24).zoom for step in range(121)]
    steps = [abs(b - a) for a, b in pairwise(zooms)]

    assert max(steps) < 0.01
    assert max(abs(b - a) for a, b in pairwise(steps)) < 0.001
