"""Song neighbours by Spark, by a scipy product and by implicit's item-item kernels.

All start from the same residuals of the bias model and predict by the same formula, with the
damping that is best for them on validation.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from implicit.nearest_neighbours import CosineRecommender
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix

from bench.ladder.rows import Line, Rows, rows_of
from bench.pruning import strongest
from ymr_spark.models.arrays import Floats
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.neighbors.similarity import Similarity
from ymr_spark.pipeline import publication
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse

_COLUMNS = {"userCol": "user_id", "itemCol": "song_id"}
_DAMPINGS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
# A dense matrix of all pairs of songs, three times over: 5 GB.
_MOST_SONGS_DENSE = 20_000


def contestants(
    chosen: dict[str, Any],
) -> Iterator[tuple[str, Callable[[csr_matrix], csr_matrix]]]:
    """Name, and what makes (songs, songs) similarities of (users, songs) residuals."""

    def product(stars: csr_matrix) -> csr_matrix:
        rated = csr_matrix((np.ones_like(stars.data), stars.indices, stars.indptr), stars.shape)
        sums, overlaps = (stars.T @ stars).toarray(), (rated.T @ rated).toarray()
        squares = np.bincount(stars.indices, stars.data.astype(float) ** 2, stars.shape[1])
        rms = np.sqrt(squares / np.maximum(np.diagonal(overlaps), 1))
        scale = (overlaps + chosen["shrinkage"]) * np.outer(rms, rms)
        near = np.where(overlaps >= chosen["min_overlap"], sums / np.maximum(scale, 1e-9), 0)
        np.fill_diagonal(near, 0)
        return csr_matrix(strongest(near.astype(np.float32), chosen["neighbors"]))

    def cosine(stars: csr_matrix) -> csr_matrix:
        model = CosineRecommender(K=chosen["neighbors"] + 1)
        model.fit(stars, show_progress=False)
        near: csr_matrix = model.similarity
        near.setdiag(0)
        return near

    yield "scipy product, one process", product
    yield "implicit, cosine, no shrinkage", cosine


def one_machine(
    name: str, make: Callable[[csr_matrix], csr_matrix], train: Rows, validation: Rows, test: Rows
) -> Line:
    shape = (train.user.max() + 1, train.song.max() + 1)
    left = (train.rating - train.base).astype(np.float32)
    started = time.monotonic()
    stars = csr_matrix((left, (train.user, train.song)), shape=shape)
    near = make(stars)
    fitted = time.monotonic()
    tried = []
    tuned, judged = _sums(validation, stars, near), _sums(test, stars, near)
    predicted = time.monotonic()
    for damping in _DAMPINGS:
        mse = [
            rows.mse(a / (b + damping)) for rows, (a, b) in ((validation, tuned), (test, judged))
        ]
        tried.append((*mse, damping))
    return _line(name, tried, fitted - started, predicted - fitted)


def _sums(rows: Rows, stars: csr_matrix, near: csr_matrix) -> tuple[Floats, Floats]:
    """Weighted sums of residuals and sums of absolute weights, NaN where there are none."""
    rated = csr_matrix((np.ones_like(stars.data), stars.indices, stars.indptr), stars.shape)
    weights = near[rows.song]
    sums = np.asarray(stars[rows.user].multiply(weights).sum(axis=1)).ravel()
    sizes = np.asarray(rated[rows.user].multiply(abs(weights)).sum(axis=1)).ravel()
    return sums, np.where(sizes > 0, sizes, np.nan)


def ours(
    spark: SparkSession,
    bias: FactorModel,
    chosen: dict[str, Any],
    train: Rows,
    validation: Rows,
    test: Rows,
) -> Line:
    estimator = Similarity.of_settings(chosen, **_COLUMNS).setFallback(LinearModel(bias))
    ratings = estimator.ratings_of(train.frame)
    started = time.monotonic()
    model = estimator.fit_ratings(ratings)
    fitted = time.monotonic()
    tried = []
    for damping in _DAMPINGS:
        mse: list[float] = []
        begun = time.monotonic()
        model.damping = damping
        for rows in (validation, test):
            error = F.col("prediction") - F.col("rating")
            judged = model.transform(rows.frame).agg(F.avg(error * error))
            mse += [mean for (mean,) in judged.collect()]
        seconds = time.monotonic() - begun
        tried.append((*mse, damping))
    return _line("ymr_spark", tried, fitted - started, seconds)


def _line(name: str, tried: list[tuple[float, ...]], fit: float, predict: float) -> Line:
    best = min(tried)
    return {
        "what": name,
        "fit_seconds": round(fit, 1),
        "predict_seconds": round(predict, 1),
        "test_mse": round(best[1], 4),
        "damping": best[2],
    }


def compare(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> None:
    """Print a line for the bias model, and one for each way to find and use neighbours."""
    chosen = settings.of("similarity")
    bias = publication.load_chosen(warehouse, "bias")
    splits = [rows_of(warehouse, spark, bias, s) for s in ("train", "validation", "test")]
    print(json.dumps({"what": "bias model", "test_mse": round(splits[2].mse(np.zeros(1)), 4)}))
    print(json.dumps(ours(spark, bias, chosen, *splits)), flush=True)
    for name, make in contestants(chosen):
        if "scipy" in name and len(bias.song_ids) > _MOST_SONGS_DENSE:
            print(
                json.dumps({"what": name, "skipped": f"dense pairs of {len(bias.song_ids)} songs"})
            )
            continue
        print(json.dumps(one_machine(name, make, *splits)), flush=True)
