"""The latent factor model by Spark, by LIBMF and by cmfrec, at the same rank.

LIBMF (stochastic gradients) has no offsets and is given the bias model's residuals; cmfrec
(alternating least squares by conjugate gradients) fits its own. The regularisation of both is
chosen on validation; `fit_seconds` are those of the chosen fit, `search_seconds` of all. Spark's
model learns its own, but uses validation to stop. Both come by `pip install .[bench]`, which
compiles them; where one is not installed its line says so.
"""

import importlib.util
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import SparkSession
from scipy.sparse import coo_matrix

from bench.ladder.rows import Line, Rows, rows_of
from ymr_spark.models.arrays import Floats
from ymr_spark.models.held_out import HeldOut
from ymr_spark.models.linear import latent_factor, variational_bayes
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.packing import by_song, by_user
from ymr_spark.pipeline import publication
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse

_LIBMF = {"nr_iters": 20, "eta": 0.1, "quiet": True, "copy_data": False}
_LIBMF_LAMBDAS = (0.02, 0.05, 0.1)
_CMFREC_LAMBDAS = (5.0, 15.0, 40.0)
# Scores of all rows of a split less the bias model's, in stars.
Fitted = Callable[[Rows], Floats]


def compare(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> None:
    """Print a line for the bias model and one for each contestant."""
    base, rank = publication.load_chosen(warehouse, "bias"), settings.of("latent_factor")["rank"]
    train, validation, test = (
        rows_of(warehouse, spark, base, s) for s in ("train", "validation", "test")
    )
    print(json.dumps({"what": "bias model", "test_mse": round(test.mse(np.zeros(1)), 4)}))
    print(json.dumps(ours(base, settings, train, validation, test)), flush=True)
    for name, (fit, lambdas) in CONTESTANTS.items():
        if importlib.util.find_spec(name) is None:
            print(json.dumps({"what": name, "skipped": "not installed; pip install .[bench]"}))
            continue
        line = best(name, fit, lambdas, rank, train, validation, test)
        print(json.dumps(line), flush=True)


def ours(base: FactorModel, settings: Settings, train: Rows, validation: Rows, test: Rows) -> Line:
    started = time.monotonic()
    users, songs = by_user(train.frame), by_song(train.frame)
    songs.frame.count()
    loaded = time.monotonic()
    held_out = HeldOut(
        base.user_ids[validation.user],
        np.where(validation.known, base.song_ids[validation.song], -1),
        validation.rating,
    )
    with tempfile.TemporaryDirectory() as folder:
        state, curve = latent_factor.fit(
            users,
            songs,
            base,
            held_out,
            Path(folder),
            **settings.of("latent_factor"),
            seed=settings.seed,
        )
    model = variational_bayes.factor_model(base, state)
    fitted = time.monotonic()
    score = model.score(base.user_ids[test.user], base.song_ids[test.song])[0] - test.base
    return {
        "what": "ymr_spark",
        "load_seconds": round(loaded - started, 1),
        "fit_seconds": round(fitted - loaded, 1),
        "iterations": len(curve),
        "test_mse": round(test.mse(score), 4),
    }


def best(
    name: str,
    fit: Callable[[Rows, int, float], Fitted],
    lambdas: tuple[float, ...],
    rank: int,
    train: Rows,
    validation: Rows,
    test: Rows,
) -> Line:
    """The regularisation of least validation MSE, with the test MSE."""
    tried: list[tuple[float, ...]] = []
    for penalty in lambdas:
        started = time.monotonic()
        shift = fit(train, rank, penalty)
        seconds = time.monotonic() - started
        tried.append((validation.mse(shift(validation)), test.mse(shift(test)), seconds, penalty))
    _, mse, seconds, penalty = min(tried)
    return {
        "what": name,
        "fit_seconds": round(seconds, 1),
        "search_seconds": round(sum(line[2] for line in tried), 1),
        "lambda": penalty,
        "test_mse": round(mse, 4),
    }


def libmf(train: Rows, rank: int, penalty: float) -> Fitted:
    from libmf import mf

    options: dict[str, Any] = {"lambda_p2": penalty, "lambda_q2": penalty}
    options |= {"lambda_p1": 0.0, "lambda_q1": 0.0, "nr_threads": os.cpu_count()}
    model = mf.MF(k=rank, **_LIBMF, **options)
    model.fit(np.c_[train.user, train.song, train.rating - train.base].astype(np.float32))
    # Not its predict, which in this package does not score by these factors.
    users, songs = model.p_factors(), model.q_factors()
    return lambda rows: np.einsum("ij,ij->i", users[rows.user], songs[rows.song])


def cmfrec(train: Rows, rank: int, penalty: float) -> Fitted:
    from cmfrec import CMF

    model = CMF(k=rank, lambda_=penalty, nthreads=os.cpu_count(), verbose=False)
    model.fit(coo_matrix((train.rating, (train.user, train.song))))
    return lambda rows: model.predict(rows.user, rows.song) - rows.base


CONTESTANTS = {"libmf": (libmf, _LIBMF_LAMBDAS), "cmfrec": (cmfrec, _CMFREC_LAMBDAS)}
