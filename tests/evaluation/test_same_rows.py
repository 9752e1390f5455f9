import judged
import pytest
from builders import ratings
from pyspark.sql import SparkSession

from ymr_spark.errors import DataContractError
from ymr_spark.evaluation import same_rows
from ymr_spark.identity import Identity
from ymr_spark.ratings import identity

HELD_OUT = [(1, 10, 5), (1, 11, 1), (2, 10, 3)]
KEYS = [(user, song) for user, song, _ in HELD_OUT]


def check(
    spark: SparkSession, keys: list[tuple[int, int]], first: float | None = 3.0, name: str = "m"
) -> None:
    stars = [first, *[3.0] * len(keys)][: len(keys)]
    predicted = judged.predictions(spark, name, "test", keys, stars)
    truth = judged.held_out(spark, HELD_OUT)
    measured = identity(truth)
    sums = judged.sums(predicted, truth, "m")
    same_rows.check_predictions(sums, predicted, truth, ["m"], measured)


def test_every_row_predicted_once(spark: SparkSession) -> None:
    check(spark, KEYS[::-1])


def test_ids_may_be_as_large_as_ingest_takes_them(spark: SparkSession) -> None:
    largest = 2**24 - 1
    rows = [(largest, largest, 5), (largest, 0, 1), (0, largest, 3)]
    truth = judged.held_out(spark, rows)
    keys = [(user, song) for user, song, _ in rows]
    sums = judged.sums(judged.predictions(spark, "m", "test", keys, [3.0] * 3), truth, "m")
    assert sorted(n for row in sums for n in row.users) == [0, largest]
    assert all(row.matching for row in sums)


@pytest.mark.parametrize(
    ("keys", "differences"),
    [
        (KEYS[1:], {"1 missing (such as user 1, song 10)"}),
        ([*KEYS, (7, 7)], {"1 extra (such as user 7, song 7)"}),
        ([*KEYS, KEYS[0]], {"1 doubled (such as user 1, song 10)"}),
        (
            [KEYS[0], *KEYS[:2]],
            {"1 doubled (such as user 1, song 10)", "1 missing (such as user 2, song 10)"},
        ),
        ([], {"3 missing"}),
    ],
)
def test_other_keys_are_refused(
    spark: SparkSession, keys: judged.Keys, differences: set[str]
) -> None:
    with pytest.raises(DataContractError, match="predictions of m on test") as refusal:
        check(spark, keys)
    told = str(refusal.value).removeprefix("predictions of m on test: ").split("; ")[0]
    assert len(told.split("), ")) == len(differences)
    assert all(difference in told for difference in differences)


@pytest.mark.parametrize("wrong", [None, float("nan"), float("inf"), 0.99, 5.01])
def test_what_is_no_rating_is_refused(spark: SparkSession, wrong: float | None) -> None:
    with pytest.raises(DataContractError, match="m on test: 1 are no number from 1 to 5"):
        check(spark, KEYS, first=wrong)


def test_predictions_of_a_model_that_was_not_published_are_refused(spark: SparkSession) -> None:
    truth = judged.held_out(spark, HELD_OUT)
    both = [judged.predictions(spark, m, "test", KEYS, [3.0] * 3) for m in ("m", "other")]
    predicted = both[0].unionAll(both[1])
    sums = judged.sums(predicted, truth, "m")
    with pytest.raises(DataContractError, match=r"predictions of \['m', 'other'\]"):
        same_rows.check_predictions(sums, predicted, truth, ["m"], identity(truth))


def test_a_split_without_predictions_is_refused(spark: SparkSession) -> None:
    truth = judged.held_out(spark, HELD_OUT, "test", "validation")
    predicted = judged.predictions(spark, "m", "test", KEYS, [3.0] * 3)
    sums = judged.sums(predicted, truth, "m")
    with pytest.raises(DataContractError, match="m on validation: 3 missing"):
        same_rows.check_predictions(sums, predicted, truth, ["m"], identity(truth))


def test_changed_ratings_are_refused(spark: SparkSession) -> None:
    measured = identity(ratings(spark, HELD_OUT, "test"))
    same_rows.check_held_out(ratings(spark, HELD_OUT, "test"), measured)
    changed = [(1, 10, 4), *HELD_OUT[1:]]
    with pytest.raises(DataContractError, match=r"ratings of test: .* ingest measured"):
        same_rows.check_held_out(ratings(spark, changed, "test"), measured)


def test_models_of_other_rows_are_refused() -> None:
    train, validation = Identity(5, f"{1:016x}{2:016x}"), Identity(2, f"{30:016x}{40:016x}")
    both = Identity(7, f"{31:016x}{42:016x}")
    splits = {"train": train, "validation": validation}
    chosen_on = {"a": train, "b": train}
    for fitted_to in (train, both):
        fits = chosen_on, {"a": fitted_to, "b": fitted_to}
        assert same_rows.check_train_rows(*fits, splits) == fitted_to
    with pytest.raises(DataContractError, match=r"model a: fitted to 5 rows.*expected 7 rows"):
        same_rows.check_train_rows(chosen_on, {"a": train, "b": both}, splits)
    for other in (Identity(6, both.hash), Identity(7, train.hash), validation):
        with pytest.raises(DataContractError, match=f"model b: fitted to {other.rows} rows"):
            same_rows.check_train_rows(chosen_on, {"a": train, "b": other}, splits)
    for other in (Identity(6, train.hash), Identity(5, both.hash), both):
        with pytest.raises(DataContractError, match=f"model b: chosen on {other.rows} rows"):
            same_rows.check_train_rows({"a": train, "b": other}, {"a": train, "b": train}, splits)


def test_a_fit_does_not_judge_the_rows_that_it_was_fitted_to(spark: SparkSession) -> None:
    train, validation = Identity(5, f"{1:016x}{2:016x}"), Identity(2, f"{30:016x}{40:016x}")
    splits, both = {"train": train, "validation": validation}, train + validation

    def check(*fits: tuple[str, str, Identity], fitted_to: Identity = both) -> None:
        rows = [(model, split, fit.hash) for model, split, fit in fits]
        predicted = spark.createDataFrame(rows, "model string, split string, fitted_to string")
        same_rows.check_fits(predicted, fitted_to, splits)

    check(("a", "validation", train), ("a", "test", both), ("b", "validation", train))
    check(("a", "validation", train), ("a", "test", train), fitted_to=train)
    wrong = r"predictions of a on validation: by a fit to rows of hash 0*1f0*2a"
    with pytest.raises(DataContractError, match=wrong):
        check(("b", "validation", train), ("a", "validation", both), ("a", "test", both))
    with pytest.raises(DataContractError, match="predictions of a on test: by a fit"):
        check(("a", "validation", train), ("a", "test", train))
