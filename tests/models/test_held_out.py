import math
from dataclasses import replace

import numpy as np
import pytest
from builders import dense_ratings, flat_model, ratings
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark.models.held_out import HeldOut
from ymr_spark.models.linear.als import Als
from ymr_spark.models.linear.bias import Bias, BiasModel
from ymr_spark.models.linear.constant import Constant
from ymr_spark.models.linear.latent_factor import LatentFactor
from ymr_spark.models.neighbors.similarity import Similarity
from ymr_spark.models.train_ratings import TrainRatings

COLUMNS = {"userCol": "user_id", "itemCol": "song_id", "validationIndicatorCol": "held"}
NOTHING = HeldOut(np.zeros(0, int), np.zeros(0, int), np.zeros(0))


def test_what_a_model_does_not_know_is_scored_by_the_bias_model() -> None:
    model = flat_model(4.0, 1, 2)
    fallback = replace(flat_model(2.0, 2, 2), user_offsets=np.array([0.0, 0.5]))
    rows = HeldOut(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([4, 2, 2]))
    # 4, 4, and 2.5 by the fallback, since user 1 is not in the model.
    assert rows.mse(model, fallback) == (0 + 4 + 0.25) / 3
    assert rows.mse(model) == (0 + 4 + 4) / 3
    assert math.isnan(NOTHING.mse(model, fallback))


def test_rows_come_by_user_and_song(spark: SparkSession) -> None:
    rows = HeldOut.of(ratings(spark, [(2, 1, 5), (1, 9, 2), (1, 3, 4)]))
    assert [values.tolist() for values in rows.columns] == [[1, 1, 2], [3, 9, 1], [4, 2, 5]]
    assert len(HeldOut.of(None).stars) == 0


@pytest.fixture(scope="module")
def parts(spark: SparkSession) -> tuple[TrainRatings, DataFrame]:
    """Ratings to fit to, and those among them to judge by: of user 30 there are no others."""
    rows = [tuple(row) for row in dense_ratings(30, 20, 0.5, seed=1).tolist()]
    train = ratings(spark, rows[::2]).withColumn("held", F.lit(False))
    held_out = ratings(spark, [*rows[1::2], (30, 3, 1)]).withColumn("held", F.lit(True))
    return Constant(**COLUMNS).ratings_of(train.union(held_out).cache()), held_out


@pytest.fixture(scope="module")
def bias(parts: tuple[TrainRatings, DataFrame]) -> BiasModel:
    return Bias(maxIter=2, **COLUMNS).fit_ratings(parts[0])


@pytest.mark.parametrize(
    ("kind", "params", "given"),
    [
        (Als, {"rank": 2, "maxIter": 2, "blocks": 1}, False),
        (Similarity, {"minOverlap": 2}, True),
    ],
)
def test_a_model_without_epochs_has_a_curve_of_one_entry(
    parts: tuple[TrainRatings, DataFrame],
    bias: BiasModel,
    given: bool,
    kind: type,
    params: dict[str, int],
) -> None:
    """Its predictions' error, those of a fallback of its own or of the one it was given among
    them."""
    packed, held_out = parts
    estimator = kind(**COLUMNS, **params)
    if given:
        estimator.setFallback(bias)
    (entry,) = estimator.curve(packed)
    found = estimator.fit_ratings(packed).transform(held_out).collect()
    errors = [(row.prediction - row.rating) ** 2 for row in found]
    assert (entry.epoch, entry.validation_mse) == (1, pytest.approx(np.mean(errors)))
    assert [row.fallback for row in found if row.user_id == 30] == [True]


def test_a_model_without_a_fallback_has_a_curve_too(
    parts: tuple[TrainRatings, DataFrame],
) -> None:
    (entry,) = Constant(**COLUMNS).curve(parts[0])
    stars = parts[0].train_arrays.stars
    assert entry.train_mse == pytest.approx(np.var(stars))


def test_a_curve_goes_on_to_the_last_iteration(
    parts: tuple[TrainRatings, DataFrame], bias: BiasModel
) -> None:
    estimator = LatentFactor(rank=2, maxIter=4, tol=100.0, **COLUMNS)
    assert len(estimator.curve(parts[0])) == 4
    assert len(estimator.setFallback(bias).fit_ratings(parts[0]).learning_curve) == 2
