import numpy as np
import pytest

from ymr_spark.errors import DataContractError
from ymr_spark.levels import MOST_LEVELS
from ymr_spark.scale import Scale

HALVES = Scale(0.5, 5.0, 0.5)


def test_levels_are_counted_from_the_lowest_rating() -> None:
    assert HALVES.levels == 10
    np.testing.assert_array_equal(HALVES.values, np.arange(1, 11) / 2)
    np.testing.assert_array_equal(HALVES.level_of(np.array([0.5, 3.5, 5.0])), [0, 6, 9])
    np.testing.assert_array_equal(Scale(1, 5, 1).level_of(np.array([1, 5], np.int8)), [0, 4])
    assert (HALVES.middle, HALVES.width) == (2.75, 4.5)


def test_single_precision_finds_its_level() -> None:
    tenths = Scale(0, 1, 0.1)
    np.testing.assert_array_equal(tenths.level_of(tenths.values.astype(np.float32)), np.arange(11))


@pytest.mark.parametrize("stars", [0.0, 5.5, 3.25, np.nan, np.inf, -np.inf])
def test_a_rating_off_the_scale_is_refused(stars: float) -> None:
    with pytest.raises(DataContractError, match=r"not on a scale from 0\.5 to 5 stars by 0\.5"):
        HALVES.level_of(np.array([1.0, stars]))


@pytest.mark.parametrize(
    ("stars", "expected"),
    [
        ([5, 1, 3, 5], Scale(1, 5, 2)),
        ([1, 2, 5], Scale(1, 5, 1)),
        ([0.5, 2, 5], Scale(0.5, 5, 1.5)),
        ([0.5, 2, 4], Scale(0.5, 4, 0.5)),
        ([0.1, 0.3, 0.6, 1.0], Scale(0.1, 1.0, 0.1)),
        ([-1, 1], Scale(-1, 1, 2)),
        ([0, 30, 70, 100], Scale(0, 100, 10)),
    ],
)
def test_the_coarsest_scale_of_some_ratings(stars: list[float], expected: Scale) -> None:
    for kind in (np.float64, np.float32):
        found = Scale.of_values(np.array(stars, kind))
        assert (found.lowest, found.highest, found.step) == pytest.approx(
            (expected.lowest, expected.highest, expected.step)
        )


@pytest.mark.parametrize(
    "stars", [[3.0, 3.0], [1.0, np.nan], [0.0, 1.0, 2.0, 2.001], [1.0, np.inf], []]
)
def test_ratings_without_a_scale_are_refused(stars: list[float]) -> None:
    with pytest.raises(DataContractError):
        Scale.of_values(np.array(stars))


@pytest.mark.parametrize(
    "wrong",
    [
        (1, 1, 1),
        (5, 1, 1),
        (1, 5, 0),
        (1, 5, 3),
        (1, np.inf, 1),
        (0, MOST_LEVELS, 1),
        (9990, 9999, 0.1),
    ],
)
def test_what_is_no_scale_is_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(DataContractError):
        Scale(*wrong)


def test_a_level_fits_one_byte() -> None:
    widest = Scale(0, MOST_LEVELS - 1, 1)
    assert widest.level_of(np.array([127.0])).tolist() == [127]
