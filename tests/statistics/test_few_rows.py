"""Splits of a row or two, and columns that do not vary."""

import pytest
from builders import table
from pyspark.sql import SparkSession

from ymr_spark.statistics import genres

MANY = 100_000_007  # whose square has no exact double


@pytest.fixture(scope="module")
def described(spark: SparkSession) -> dict[str, dict[str, float | None]]:
    """The describe table's `rating` by split; each split has (rating, count) cells."""
    splits = {"one": [(3, 1)], "two": [(1, 1), (4, 1)], "alike": [(5, 2)], "many": [(3, MANY)]}
    rows = [
        (split, rating, 215, 7, 2, 7, "Rock", count)
        for split, cells in splits.items()
        for rating, count in cells
    ]
    cells = table(spark, "summary_genre_ratings", rows)
    return {
        row["split"]: row.asDict()
        for row in genres.columns(cells).where("column = 'rating'").collect()
    }


@pytest.mark.parametrize(
    ("split", "stddev"), [("one", None), ("two", 4.5**0.5), ("alike", 0.0), ("many", 0.0)]
)
def test_standard_deviation(
    described: dict[str, dict[str, float | None]], split: str, stddev: float | None
) -> None:
    found = described[split]["stddev"]
    assert found == (stddev if stddev is None else pytest.approx(stddev, abs=1e-3))
    assert described[split]["q50"] == described[split]["mean"]
