"""What fitted models say of the held-out ratings, as a table."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark.identity import Identity
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.scorer import predicted
from ymr_spark.pipeline import data_files
from ymr_spark.pipeline.table_schemas import arrow_schema
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.store.parquet import WRITTEN, Kernel

# By split: the fit that predicts its rows, and the rows that it was fitted to.
Fits = Mapping[str, tuple[RatingModel[Any], Identity]]


def held_out(spark: SparkSession, warehouse: Warehouse) -> DataFrame:
    """The validation and test ratings that every model predicts."""
    return warehouse.read(spark, "ratings").where(F.col("split") != "train")


def write(spark: SparkSession, warehouse: Warehouse, model: str, fits: Fits) -> None:
    """Replace the predictions of a model, by its name, for all held-out rows."""
    where = {"model": model}
    if any(fit.by_pairs is None for fit, _ in fits.values()):
        warehouse.write(_by_frames(spark, warehouse, fits, model), "predictions", where=where)
        return
    scorers = {split: (fit.by_pairs, fitted_to.hash) for split, (fit, fitted_to) in fits.items()}
    shared = spark.sparkContext.broadcast((model, scorers))
    rows = data_files.of(spark, warehouse, "ratings", where=pc.field("split").isin([*fits]))
    kernel = warehouse.writer("predictions", _predicting(lambda: shared.value))
    written = rows.map(kernel, WRITTEN)
    warehouse.commit(written, "predictions", where=where)
    shared.destroy()


def _by_frames(spark: SparkSession, warehouse: Warehouse, fits: Fits, model: str) -> DataFrame:
    rows = held_out(spark, warehouse)
    found = [
        fit.transform(rows.where(F.col("split") == split)).withColumn("fitted_to", F.lit(to.hash))
        for split, (fit, to) in fits.items()
    ]
    return found[0].union(found[1]).withColumn("model", F.lit(model))


def _predicting(shared: Callable[[], tuple[str, Any]]) -> Kernel:
    """schemas.PREDICTIONS of schemas.RATINGS batches."""
    columns = arrow_schema("predictions")

    def predict(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        model, fits = shared()
        for batch in batches:
            for split in {*map(str, batch["split"].unique().to_pylist())}:
                (scorer, fallback), fitted_to = fits[split]
                rows = batch.filter(pc.equal(batch["split"], pa.scalar(split)))
                users, songs = rows["user_id"], rows["song_id"]
                stars, known = predicted(scorer, fallback, users.to_numpy(), songs.to_numpy())
                said = {
                    **{"model": pa.repeat(model, len(rows)), "split": rows["split"]},
                    **{"user_id": users, "song_id": songs},
                    **{"prediction": pa.array(stars, pa.float64()), "fallback": pa.array(~known)},
                    "fitted_to": pa.repeat(fitted_to, len(rows)),
                }
                yield pa.RecordBatch.from_arrays([*said.values()], schema=columns)

    return predict
