"""settings -> raw/: planted files of R2's layout and shape, with the truth beside them."""

import sys
from collections.abc import Sequence
from dataclasses import fields

from pyspark.sql import SparkSession

from ymr_spark.errors import SettingsError
from ymr_spark.pipeline import cli
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Generated
from ymr_spark.scale import Scale
from ymr_spark.sources.planted import generation
from ymr_spark.sources.planted.size import Size
from ymr_spark.sources.planted.traits import Traits
from ymr_spark.sources.r2.scale import R2


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> Generated:
    """Plant the files; `rows` counts train and test."""
    asked = settings.planted.model_dump()
    scale = Scale(**settings.scale.model_dump()) if settings.scale else R2
    size = Size(**{field.name: asked.pop(field.name) for field in fields(Size)})
    folder, traits = warehouse.path("raw/"), Traits(**asked)
    try:
        truth = generation.generate(spark, folder, settings.seed, size, scale, traits)
    except ValueError as e:
        raise SettingsError(f"planted: {e}; change planted.users, .songs or .train_ratings") from e
    return Generated(rows=size.rows, floor_mse=truth["floor_mse"])


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return cli.main("generate_r2", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
