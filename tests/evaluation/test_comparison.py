import pytest
from builders import ratings, table
from pyspark.sql import Row, SparkSession

from ymr_spark.errors import DataContractError
from ymr_spark.evaluation import comparison, metrics
from ymr_spark.warehouse import identity

HELD_OUT = [(1, 10, 5), (1, 11, 1), (2, 10, 3)]
KEYS = [(user, song) for user, song, _ in HELD_OUT]


def check(
    spark: SparkSession,
    keys: list[tuple[int, int]],
    held_out: list[tuple[int, int, int]] = HELD_OUT,
    first: float | None = 3.0,
) -> None:
    predicted = [first, *[3.0] * len(keys[1:])]
    rows = [("m", "test", *key, p, False) for key, p in zip(keys, predicted, strict=False)]
    measured = identity(ratings(spark, HELD_OUT, "test"))
    predictions, truth = table(spark, "predictions", rows), ratings(spark, held_out, "test")
    by_user = metrics.errors_by_user(predictions, truth)
    comparison.check_predictions(by_user, predictions, truth, ["m"], measured)


def test_every_row_predicted_once(spark: SparkSession) -> None:
    check(spark, KEYS[::-1])


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (KEYS[1:], r"1 missing \(such as user 1, song 10\)"),
        ([*KEYS, (7, 7)], r"1 extra \(such as user 7, song 7\)"),
        ([*KEYS, KEYS[0]], r"1 doubled \(such as user 1, song 10\)"),
        ([KEYS[0], *KEYS[:2]], r"1 doubled .*|1 missing \(such as user 2, song 10\)"),
        ([], "3 missing"),
    ],
)
def test_other_keys_are_refused(spark: SparkSession, keys: list, words: str) -> None:
    with pytest.raises(DataContractError, match=words):
        check(spark, keys)


@pytest.mark.parametrize("wrong", [None, float("nan"), float("inf"), 0.99, 5.01])
def test_what_is_no_rating_is_refused(spark: SparkSession, wrong: float | None) -> None:
    with pytest.raises(DataContractError, match="m on test: 1 are no number from 1 to 5"):
        check(spark, KEYS, first=wrong)


def test_changed_ratings_are_refused(spark: SparkSession) -> None:
    changed = [(1, 10, 4), *HELD_OUT[1:]]
    with pytest.raises(DataContractError, match="not those that ingest measured"):
        check(spark, KEYS, changed)


def test_models_of_other_rows_are_refused() -> None:
    fitted = [Row(model="a", train_rows=5, train_hash="x")]
    comparison.check_train_rows(fitted, (5, "x"))
    for other in ((6, "x"), (5, "y")):
        with pytest.raises(DataContractError, match="model a: fitted on 5 rows"):
            comparison.check_train_rows(fitted, other)
