"""ratings, bias_* -> similarity_neighbors, predictions: item-item neighbours of bias residuals."""

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark import cli
from ymr_spark.models import neighborhood, residuals, similarity
from ymr_spark.models.blocks import song_blocks
from ymr_spark.publication import held_out, load, publish_predictions
from ymr_spark.settings import Settings
from ymr_spark.warehouse import Warehouse

log = logging.getLogger(__name__)


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
    """Find each song's neighbours, then predict from the table that keeps them."""
    section = settings.similarity
    bias = load(warehouse, "bias")
    started = time.monotonic()
    train = warehouse.read(spark, "ratings").where(F.col("split") == "train")
    blocks = song_blocks(train)
    songs = residuals.most_rated(blocks, section.candidates)
    candidates = residuals.of_songs(blocks, bias, songs)
    log.info("%d candidates have %d ratings", len(songs), candidates.stars.nnz)
    neighbors = similarity.fit(
        blocks, bias, candidates, section.shrinkage, section.min_overlap, section.neighbors
    )
    warehouse.write(neighbors, "similarity_neighbors")
    seconds = time.monotonic() - started
    log.info("fitted in %.0f s", seconds)
    blocks.unpersist()
    figures = publish_predictions(
        warehouse,
        replace(bias, name="similarity"),
        neighborhood.predict(
            held_out(spark, warehouse),
            warehouse.read(spark, "similarity_neighbors"),
            candidates,
            bias,
            section.damping,
        ),
        fallback=bias.name,
        fit_seconds=seconds,
        parameters=section.model_dump(),
    )
    return figures | {"candidate_ratings": candidates.stars.nnz}


def main(argv: Sequence[str] | None = None) -> int:
    return cli.main("train_similarity", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
