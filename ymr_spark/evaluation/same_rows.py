"""Proof that all models were fitted on the same rows and judged on the same rows."""

from collections.abc import Iterable, Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError
from ymr_spark.evaluation.scan import Sums
from ymr_spark.identity import Identity
from ymr_spark.ratings import identity, scale_of

_KEYS = ["split", "user_id", "song_id"]


def check_held_out(held_out: DataFrame, splits: Mapping[str, Identity]) -> None:
    """Raise DataContractError unless the held-out rows are those that ingest measured."""
    found = identity(held_out)
    for split, expected in splits.items():
        if found.get(split) != expected:
            raise DataContractError(
                f"ratings of {split}: {found.get(split)}, ingest measured {expected}; "
                "run jobs/ingest.py --force"
            )


def check_predictions(
    sums: Iterable[Sums],
    predictions: DataFrame,
    held_out: DataFrame,
    models: Iterable[str],
    splits: Mapping[str, Identity],
) -> None:
    """Raise DataContractError unless every model predicts every held-out row once, and no other.

    A prediction that is no number within the scale is refused too: its error would mean nothing.

    Args:
        sums: `scan.sums` of the predictions and held-out rows.
        models: names of the published models.
        splits: of each held-out split.
    """
    found: dict[tuple[str, str], list[Sums]] = {}
    for row in sums:
        found.setdefault((row.model, row.split), []).append(row)
    for model in models:
        for split, expected in splits.items():
            rows = found.pop((model, split), [])
            way_out = f"run the job that trains {model} again"
            what = f"predictions of {model} on {split}"
            if not all(r.matching for r in rows) or sum(r.rows for r in rows) != expected.rows:
                chosen = predictions.where((F.col("model") == model) & (F.col("split") == split))
                difference = _difference(chosen, held_out.where(F.col("split") == split))
                raise DataContractError(f"{what}: {difference}; {way_out}")
            if unusable := sum(r.unusable for r in rows):
                scale = scale_of(held_out)
                raise DataContractError(
                    f"{what}: {unusable} are no number from {scale.lowest:g} to "
                    f"{scale.highest:g}; {way_out}"
                )
    if found:
        names = sorted({row["model"] for row in predictions.select("model").distinct().collect()})
        raise DataContractError(
            f"predictions of {names}: the table models has {sorted(models)} only, or a split "
            f"is not one of {sorted(splits)}; train the others again"
        )


def check_train_rows(
    chosen_on: Mapping[str, Identity],
    fitted_to: Mapping[str, Identity],
    splits: Mapping[str, Identity],
) -> Identity:
    """The rows that all models were fitted to in the end: those of train, or of validation, too.

    Args:
        chosen_on: what the fit was fitted to by which validation has chosen, by model.
        fitted_to: what each model was fitted to in the end.

    Raises:
        DataContractError: a model was chosen on other rows than train, or two were fitted to
            unlike rows.
    """
    train = splits["train"]
    everything = train + splits["validation"] if "validation" in splits else train
    for model, found in chosen_on.items():
        if found != train:
            raise DataContractError(
                f"model {model}: chosen on {found}, the train split has {train}; train it again"
            )
    expected = everything if everything in fitted_to.values() else train
    for model, found in fitted_to.items():
        if found != expected:
            raise DataContractError(
                f"model {model}: fitted to {found}, expected {expected}, as other models or the "
                "train split; train it again, by the same final_fit"
            )
    return expected


def check_fits(predictions: DataFrame, fitted_to: Identity, splits: Mapping[str, Identity]) -> None:
    """Raise DataContractError where a fit has predicted rows that it was fitted to.

    Args:
        predictions: schemas.PREDICTIONS.
        fitted_to: what the models were fitted to in the end, which predict test; validation is
            predicted by fits to the train rows.
    """
    expected = {"validation": splits["train"].hash, "test": fitted_to.hash}
    for row in predictions.select("model", "split", "fitted_to").distinct().collect():
        if row["fitted_to"] != expected.get(row["split"]):
            raise DataContractError(
                f"predictions of {row['model']} on {row['split']}: by a fit to rows of hash "
                f"{row['fitted_to']}, expected {expected.get(row['split'])}, of which none is "
                f"judged; run the job that trains {row['model']} again"
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
    return ", ".join(described)
