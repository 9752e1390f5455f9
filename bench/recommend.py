"""Top songs for every user: this pipeline, the bare kernel, and Spark's own, on the same factors.

    python -m bench.recommend --conf conf/full.yaml [--set KEY=VALUE ...] [--share 0.05]

needs the tables ratings and als_*. Prints one JSON line a contestant, then the ratios. Results
are computed and thrown away; the pipeline's seconds are given with and without the packing of the
ratings. Spark's recommendForAllUsers leaves no heard song out; it runs for a share of the users,
and its seconds are extrapolated to all of them.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.ml.recommendation import ALSModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix

from bench.rivals import top_songs
from ymr_spark.models import topk
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.packing import by_user
from ymr_spark.pipeline import publication, settings_file
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.runtime import session

Line = dict[str, Any]


def seconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return round(time.monotonic() - started, 1)


def thrown_away(frame: DataFrame) -> None:
    frame.write.format("noop").mode("overwrite").save()


def ours(heard: DataFrame, model: FactorModel, k: int) -> Line:
    blocks = by_user(heard)
    packing = seconds(blocks.frame.count)
    ranking = seconds(lambda: thrown_away(topk.recommend(blocks, model, k)))
    return {"what": "ymr_spark", "seconds": ranking, "with_packing": round(packing + ranking, 1)}


def bare(heard: csr_matrix, model: FactorModel, k: int, threads: int) -> Line:
    """The kernel in one process, over arrays in memory."""
    ranking = seconds(lambda: top_songs.rank(heard, model, k, threads))
    return {"what": f"implicit's kernel, {threads} threads", "seconds": ranking}


def spark_own(spark: SparkSession, warehouse: Warehouse, k: int, share: float) -> Line:
    """ALSModel.recommendForAllUsers with the als tables as its factors."""
    users, songs = (
        warehouse.read(spark, f"als_{side}s").select(
            F.col(f"{side}_id").alias("id"), F.col("factors").alias("features")
        )
        for side in ("user", "song")
    )
    chosen = users.where(F.pmod(F.xxhash64("id"), F.lit(10_000)) < share * 10_000).cache()
    part = chosen.count() / users.count()
    rank = len(songs.head(1)[0]["features"])
    # Spark has no public way to make a model of given factors.
    java = spark._jvm.org.apache.spark.ml.recommendation.ALSModel(  # type: ignore[union-attr]
        "given", rank, chosen._jdf, songs.cache()._jdf
    )
    java.setUserCol("user_id")
    java.setItemCol("song_id")
    model = ALSModel(java)
    measured = seconds(lambda: thrown_away(model.recommendForAllUsers(k)))
    return {
        "what": "Spark's recommendForAllUsers, heard songs not left out",
        "share_of_users": round(part, 4),
        "measured_seconds": measured,
        "seconds": round(measured / part, 1),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--conf", type=Path, required=True)
    arguments.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments.add_argument("--share", type=float, default=0.05, help="of the users, for Spark's")
    options = arguments.parse_args()
    chosen = settings_file.load(options.conf, options.set)
    spark = session.build("bench recommend", chosen.spark_defaults)
    warehouse, k = Warehouse(chosen.warehouse, chosen.raw.folder), chosen.recommend.k
    model = publication.load_factors(warehouse, "als")
    heard = warehouse.read(spark, "ratings").where(F.col("split") != "test")
    lines = [ours(heard, model, k)]
    print(json.dumps(lines[0]), flush=True)
    matrix = top_songs.heard(warehouse, model)
    lines.append(bare(matrix, model, k, spark.sparkContext.defaultParallelism))
    print(json.dumps(lines[1]), flush=True)
    del matrix
    lines.append(spark_own(spark, warehouse, k, options.share))
    print(json.dumps(lines[2]), flush=True)
    mine, bare_kernel, theirs = (line["seconds"] for line in lines)
    ratios = {"to_kernel": mine / bare_kernel, "to_spark": mine / theirs}
    print(json.dumps({name: round(ratio, 2) for name, ratio in ratios.items()}))
    spark.stop()


if __name__ == "__main__":
    main()
