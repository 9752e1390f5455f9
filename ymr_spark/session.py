"""The only place that builds a SparkSession."""

import os
import shlex
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from ymr_spark import logs

# What the tables need whatever the cluster; master, memory and cores belong to spark-submit
# and the Spark properties under conf/.
_ALWAYS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    # Rows stay in the order given; without it Spark sorts each task's by partition value.
    "spark.sql.maxConcurrentOutputFileWriters": "64",
}


def build(name: str, defaults: Path | None = None) -> SparkSession:
    """The session of this process.

    Args:
        name: shown by Spark's UI and history.
        defaults: a Spark properties file, used where no spark-submit started this process.
    """
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        _act_as_spark_submit(defaults)
    builder = SparkSession.builder.appName(name)
    for key, value in _ALWAYS.items():
        builder = builder.config(key, value)
    labels = {name: os.environ[name] for name in (logs.RUN_ID, logs.STAGE) if name in os.environ}
    for key, value in labels.items():
        builder = builder.config(f"spark.executorEnv.{key}", value)
    bars = "true" if sys.stderr.isatty() else "false"
    spark = builder.config("spark.ui.showConsoleProgress", bars).getOrCreate()
    for key, value in labels.items():
        spark.sparkContext._jvm.System.setProperty(key, value)  # type: ignore[union-attr]
    return spark


def _act_as_spark_submit(defaults: Path | None) -> None:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if defaults is not None:
        arguments = f"--properties-file {shlex.quote(str(defaults))} pyspark-shell"
        os.environ.setdefault("PYSPARK_SUBMIT_ARGS", arguments)
