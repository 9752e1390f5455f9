import judged
import numpy as np
import pytest
from pyspark.sql import SparkSession

from ymr_spark.evaluation import breakdown, metrics
from ymr_spark.evaluation.scan import Sums
from ymr_spark.models.arrays import Floats

HELD_OUT = [(1, 10, 5), (1, 11, 1), (2, 10, 3), (3, 99, 4)]
KEYS = [(user, song) for user, song, _ in HELD_OUT]
STARS = [4.0, 3.0, 3.5, 4.6]  # errors -1, 2, 0.5, 0.6


@pytest.fixture(scope="module")
def sums(spark: SparkSession) -> list[Sums]:
    predicted = judged.predictions(spark, "m", "test", KEYS, STARS)
    return judged.sums(predicted, judged.held_out(spark, HELD_OUT, floor=0.2), "m")


def found(sums: list[Sums], name: str) -> dict[str, tuple[int, float]]:
    rows = [row for row in breakdown.slices(sums, judged.CUTS) if row["slice"] == name]
    assert [row["bin"] for row in rows] == sorted(row["bin"] for row in rows)
    return {row["label"]: (row["rows"], round(row["mse"], 9)) for row in rows}


def test_slices_by_hand(sums: list[Sums]) -> None:
    # User 3 and song 99 have no train rating: they are the cold ones.
    assert found(sums, "activity") == {"0": (1, 0.36), "1–9": (2, 2.5), "30–99": (1, 0.25)}
    assert found(sums, "popularity") == {"0": (1, 0.36), "1–9": (2, 0.625), "100–299": (1, 4)}
    assert found(sums, "genre") == {"Unknown": (3, round(1.61 / 3, 9)), "Rock": (1, 4)}
    assert found(sums, "rating") == {"1": (1, 4), "3": (1, 0.25), "4": (1, 0.36), "5": (1, 1)}
    assert found(sums, "prediction").keys() == {
        "3.00–3.25", "3.50–3.75", "4.00–4.25", "4.50–4.75",
    }  # fmt: skip


def test_calibration_and_floor_by_hand(sums: list[Sums]) -> None:
    rows = {(r["slice"], r["label"]): r for r in breakdown.slices(sums, judged.CUTS)}
    few = rows["activity", "1–9"]
    assert (few["mean_prediction"], few["mean_rating"]) == (3.5, 3.0)
    assert few["floor_mse"] == pytest.approx(0.2)
    assert rows["rating", "1"]["floor_mse"] is None


def test_every_slicing_has_all_rows_and_the_whole_error(sums: list[Sums]) -> None:
    rows = breakdown.slices(sums, judged.CUTS)
    for name in judged.CUTS.labels:
        mine = [(r["rows"], r["mse"]) for r in rows if r["slice"] == name]
        assert sum(n for n, _ in mine) == 4
        assert sum(n * mse for n, mse in mine) == pytest.approx(5.61)


def test_no_floor_where_it_is_not_known(spark: SparkSession) -> None:
    predicted = judged.predictions(spark, "m", "test", KEYS, STARS)
    rows = breakdown.slices(
        judged.sums(predicted, judged.held_out(spark, HELD_OUT), "m"), judged.CUTS
    )
    assert {row["floor_mse"] for row in rows} == {None}


def test_order_by_hand(sums: list[Sums]) -> None:
    (row,) = breakdown.orders(sums)
    # Only user 1 has two ratings, in the right order.
    assert (row.pairwise_users, row.pairwise) == (1, 1.0)
    assert (row.ndcg_users, row.ndcg) == (3, 1.0)


def of_orders(orders: Floats) -> Sums:
    nothing = np.zeros((0, 0))
    return Sums(0, "m", "test", True, 0, 0, np.zeros(0, int), nothing, nothing, orders)


def test_orders_add_up_groups_of_users_by_hand() -> None:
    # NDCG of users 0.5, 1 and 1, 0.5 and 0; pairwise accuracy of one user.
    groups = [[[3, 2.5, 2.25], [0, 0, 0]], [[2, 0.5, 0.25], [1, 0.75, 0.5625]]]
    times = 20
    sums = [of_orders(times * np.array(g, np.float64)) for g in groups]
    (row,) = breakdown.orders(sums)
    assert (row.ndcg_users, row.pairwise_users) == (5 * times, times)
    assert (row.ndcg, row.pairwise) == (0.6, 0.75)
    half = 1.96 * np.std([0.5, 1, 1, 0.5, 0]) / (5 * times) ** 0.5
    assert (row.ndcg_low, row.ndcg_high) == pytest.approx((0.6 - half, 0.6 + half))
    none = of_orders(np.zeros((2, 3)))
    assert breakdown.orders([none])[0].ndcg is None


def test_few_users_have_no_interval(sums: list[Sums]) -> None:
    (order,) = breakdown.orders(sums)
    rows = [*breakdown.slices(sums, judged.CUTS), order.model_dump()]
    ends = [row[name] for row in rows for name in row if name.endswith(("_low", "_high"))]
    assert len(ends) > 8
    assert set(ends) == {None}


def test_intervals_agree_with_the_bootstrap_over_users(spark: SparkSession) -> None:
    random = np.random.default_rng(1)
    lean = random.normal(0, 1, 300)
    rows = [
        (user, song, int(np.clip(round(3 + lean[user] + random.normal()), 1, 5)))
        for user in range(300)
        for song in range(random.integers(3, 12))
    ]
    keys = [(user, song) for user, song, _ in rows]
    predicted = judged.predictions(spark, "m", "test", keys, [3.0] * len(keys))
    sums = judged.sums(predicted, judged.held_out(spark, rows), "m")
    (errors,) = metrics.by_split(sums).values()
    low, high = metrics.interval(metrics.resampled_mse(errors, 4_000, 1)[:, 0])
    whole = next(r for r in breakdown.slices(sums, judged.CUTS) if r["label"] == "3.00–3.25")
    assert (whole["mse_low"], whole["mse_high"]) == pytest.approx((low, high), abs=0.02)
    independent = 1.96 * np.std([(3 - r) ** 2 for *_, r in rows]) / len(rows) ** 0.5
    assert (whole["mse_high"] - whole["mse_low"]) / 2 > 1.3 * independent
