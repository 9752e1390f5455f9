"""Factor models by LIBMF and by cmfrec, at the rank of the model that each stands beside.

LIBMF (stochastic gradients) has no offsets and is given the residuals of a bias model, whose fit is
part of its seconds; cmfrec (alternating least squares by conjugate gradients) fits its own. The
penalty of both is put on each rating, and so does not depend on how many there are; it is chosen by
the validation rows of a sample of users, with LIBMF's rate.
"""

from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from os import devnull
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix

from bench.rivals import bias, rows
from bench.rivals.rows import CORES, TRAIN_FILES, Result, Rows
from ymr_spark.models.arrays import Floats
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse

_SAMPLE_RATINGS = 10_000_000
_LIBMF_PENALTIES, _LIBMF_RATES = (0.03, 0.05, 0.08), (0.05, 0.1)
_LIBMF = [{"λ": penalty, "η": rate} for penalty in _LIBMF_PENALTIES for rate in _LIBMF_RATES]
_CMFREC = [{"λ": penalty} for penalty in (0.04, 0.06, 0.09, 0.13)]
Chosen = dict[str, float]
# Unbounded scores of rows, and what makes them of train rows: by their shape, rank and settings.
Scores = Callable[[Rows], Floats]
Fit = Callable[[Rows, tuple[int, int], int, Chosen], Scores]


def compete_libmf(warehouse: Warehouse, _: Settings) -> Result:
    """LIBMF beside `latent_factor`."""
    fit = partial(libmf, warehouse)
    return _tuned("LIBMF", fit, _LIBMF, "latent_factor", warehouse)


def compete_cmfrec(warehouse: Warehouse, _: Settings) -> Result:
    """cmfrec beside `als`."""
    return _tuned("cmfrec", cmfrec, _CMFREC, "als", warehouse)


def _tuned(name: str, fit: Fit, grid: list[Chosen], beside: str, warehouse: Warehouse) -> Result:
    rank, scale = rows.settings_of(warehouse, beside)["rank"], warehouse.scale()

    def tried() -> Chosen:
        train, held_out = _sample(warehouse)
        size = rows.shape(train, held_out)
        errors = [held_out.mse(fit(train, size, rank, one)(held_out), scale) for one in grid]
        return grid[int(np.argmin(errors))]

    chosen, tuning = rows.timed(tried)

    def run() -> float:
        train, test = rows.read(warehouse, *TRAIN_FILES), rows.read(warehouse, "test")
        return test.mse(fit(train, rows.shape(train, test), rank, chosen)(test), scale)

    mse, seconds = rows.timed(run)
    best = ", ".join(f"{setting} {value:g}" for setting, value in chosen.items())
    return Result(f"{name}, rank {rank}, {best} of {len(grid)}", seconds, mse, tuning)


def _sample(warehouse: Warehouse) -> tuple[Rows, Rows]:
    """Train and validation rows of a share of the users."""
    train, held_out = (rows.read(warehouse, split) for split in TRAIN_FILES)
    luck = np.random.default_rng(0).random(rows.shape(train, held_out)[0])
    chosen = luck < _SAMPLE_RATINGS / len(train.stars)
    return train.of(chosen[train.user]), held_out.of(chosen[held_out.user])


def libmf(
    warehouse: Warehouse, train: Rows, shape: tuple[int, int], rank: int, chosen: Chosen
) -> Scores:
    with Path(devnull).open("w") as nowhere, redirect_stdout(nowhere):
        from libmf import mf  # which prints where it was found

    offsets = bias.fit(warehouse, train, shape)
    # Its own copy of these is the one that it sorts; numpy's c_ would be in double precision.
    triples = np.empty((len(train.stars), 3), np.float32)
    triples[:, 0], triples[:, 1] = train.user, train.song
    triples[:, 2] = train.stars - offsets.score(train.user, train.song)
    options: dict[str, Any] = {"lambda_p1": 0.0, "lambda_q1": 0.0, "eta": chosen["η"]}
    options |= {"lambda_p2": chosen["λ"], "lambda_q2": chosen["λ"]}
    model = mf.MF(k=rank, nr_threads=CORES, quiet=True, copy_data=False, **options)
    model.fit(triples)
    del triples
    # Not its predict, which in this package does not score by these factors.
    users, songs = (
        _by_id(factors, size)
        for factors, size in zip((model.p_factors(), model.q_factors()), shape, strict=True)
    )

    def scores(asked: Rows) -> Floats:
        taste: Floats = np.einsum("ij,ij->i", users[asked.user], songs[asked.song])
        return offsets.score(asked.user, asked.song) + taste

    return scores


def _by_id(factors: Floats, size: int) -> Floats:
    """(size, rank), 0 for ids without ratings, which LIBMF has NaN for or not at all."""
    found = np.zeros((size, factors.shape[1]), np.float32)
    found[: len(factors)] = np.nan_to_num(factors)
    return found


def cmfrec(train: Rows, shape: tuple[int, int], rank: int, chosen: Chosen) -> Scores:
    from cmfrec import CMF

    # Single precision, without the matrices by which it would fold further users in.
    model = CMF(
        k=rank,
        lambda_=chosen["λ"],
        scale_lam=True,
        use_float=True,
        precompute_for_predictions=False,
        include_all_X=False,
        nthreads=CORES,
        verbose=False,
    )
    model.fit(coo_matrix((train.stars, (train.user, train.song)), shape=shape))

    def scores(asked: Rows) -> Floats:
        found: Floats = model.predict(asked.user, asked.song)
        return np.nan_to_num(found, nan=float(model.glob_mean_))

    return scores
