"""How large a picture becomes: pure arithmetic, with the figures of DY-77."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consigne.model.pictures import LARGEST_SIDE, Fit, Format, Shape

SIDES = st.one_of(st.none(), st.integers(1, 10_000))
SHAPES = st.builds(Shape, SIDES, SIDES, st.sampled_from(Fit), st.sampled_from(Format))


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        (Shape(200), (200, 112)),
        (Shape(None, 200), (357, 200)),
        (Shape(200, 100), (179, 100)),
        (Shape(200, 100, Fit.COVER), (200, 100)),
        (Shape(200, 100, Fit.STRETCH), (200, 100)),
        (Shape(900), (600, 336)),
        (Shape(None, 900), (600, 336)),
        (Shape(900, 900), (600, 336)),
        (Shape(900, 100), (179, 100)),
        (Shape(900, 100, Fit.COVER), (600, 100)),
        (Shape(900, 900, Fit.COVER), (600, 336)),
        (Shape(100, 900, Fit.STRETCH), (100, 336)),
        (Shape(1, 1), (1, 1)),
        (Shape(), (600, 336)),
    ],
    ids=lambda value: value.key if isinstance(value, Shape) else None,
)
def test_sizes(shape: Shape, size: tuple[int, int]) -> None:
    """DY-77: nearest pixel, at least one, never enlarged; a side that is too big is clamped."""
    assert shape.plan(600, 336).size == size


@given(SHAPES, st.integers(1, 20_000), st.integers(1, 20_000))
def test_bounds(shape: Shape, width: int, height: int) -> None:
    """DY-77: whatever is asked for of whatever, nothing grows, and nothing passes the bound."""
    plan = shape.plan(width, height)
    for side, scaled, original in zip(plan.size, plan.scaled, (width, height), strict=True):
        assert 1 <= side <= min(original, LARGEST_SIDE)
        assert side <= scaled <= original
    for wish, side in ((shape.width, plan.size[0]), (shape.height, plan.size[1])):
        assert wish is None or side <= wish


@given(SHAPES, SHAPES)
def test_keys(one: Shape, other: Shape) -> None:
    """DY-77: one key, one picture: what is cached for a shape is right for it."""
    if one.key == other.key:
        assert one.plan(600, 336) == other.plan(600, 336)
        assert one.format is other.format
