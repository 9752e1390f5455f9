"""Proof that all models were fitted on the same rows and judged on the same rows."""

from collections.abc import Iterable, Mapping

import pyarrow as pa
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError
from ymr_spark.warehouse import identity_of

_KEYS = ["split", "user_id", "song_id"]
Identity = tuple[int, str]


def check_predictions(
    by_user: pa.Table,
    predictions: DataFrame,
    held_out: DataFrame,
    models: Iterable[str],
    splits: Mapping[str, Identity],
) -> None:
    """Raise DataContractError unless every model predicts every held-out row once, and no other.

    A prediction that is no number from 1 to 5 is refused too: its error would mean nothing.

    The ratings hashed come from `held_out`, the keys from the predictions: the hash equals the
    split's only if each of its rows is predicted once, and no other is.

    Args:
        by_user: `metrics.errors_by_user` of the predictions and held-out rows.
        models: names of the published models.
        splits: rows and content hash of each held-out split.
    """
    found = _identities(by_user)
    for model in models:
        for split, expected in splits.items():
            if found.get((model, split)) != expected:
                chosen = predictions.where((F.col("model") == model) & (F.col("split") == split))
                expected_rows = held_out.where(F.col("split") == split)
                raise DataContractError(
                    f"predictions of {model} on {split}: "
                    + _difference(chosen, expected_rows)
                    + f"; run the job that trains {model} again"
                )

    _check_range(by_user)


def _check_range(by_user: pa.Table) -> None:
    sums = by_user.group_by(["model", "split"]).aggregate([("unusable", "sum")]).to_pylist()
    for row in sums:
        if row["unusable_sum"]:
            raise DataContractError(
                f"predictions of {row['model']} on {row['split']}: {row['unusable_sum']} are no "
                f"number from 1 to 5; run the job that trains {row['model']} again"
            )


def _identities(by_user: pa.Table) -> dict[tuple[str, str], Identity]:
    names = ("rows", "hash_high", "hash_low")
    sums = by_user.group_by(["model", "split"]).aggregate([(name, "sum") for name in names])
    return {
        (row["model"], row["split"]): identity_of({name: row[f"{name}_sum"] for name in names})
        for row in sums.to_pylist()
    }


def check_train_rows(models: Iterable[Row], expected: Identity) -> None:
    """Raise DataContractError where a model was fitted on other rows than `expected`."""
    for model in models:
        found = (model["train_rows"], model["train_hash"])
        if found != expected:
            raise DataContractError(
                f"model {model['model']}: fitted on {found[0]} rows with hash {found[1]}, the "
                f"train split has {expected[0]} with hash {expected[1]}; train it again"
            )


def _difference(predictions: DataFrame, held_out: DataFrame) -> str:
    keys = _KEYS[1:]
    counted = predictions.groupBy(*keys).agg(F.count("*").alias("times"))
    both = counted.join(held_out.select(*keys, "rating"), keys, how="full")
    kind = (
        F.when(F.col("times").isNull(), "missing")
        .when(F.col("rating").isNull(), "extra")
        .when(F.col("times") > 1, "doubled")
    )
    example = F.first(F.struct(*keys)).alias("example")
    wrong = both.select(*keys, kind.alias("kind")).where("kind IS NOT NULL")
    rows = wrong.groupBy("kind").agg(F.count("*").alias("rows"), example).collect()
    described = [
        f"{r['rows']} {r['kind']} (such as user {r['example'][0]}, song {r['example'][1]})"
        for r in rows
    ]
    return ", ".join(described) or "the held-out ratings are not those that ingest measured"
