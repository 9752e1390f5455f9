"""1 or 5 stars for everything, by the user's tendency: the study's default for unknown taste."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from ymr_spark.models.blocks import unpack
from ymr_spark.models.factors import FactorModel, Floats, find

_TOTALS = "user_id int, count long, stars long"


def fit(blocks: DataFrame, bias: FactorModel, damping: float) -> tuple[FactorModel, float | None]:
    """5 stars for users whose shrunk mean reaches a threshold, 1 star for the others.

    A user's shrunk mean is (sum of stars + damping · mean) / (ratings + damping). The threshold
    is the one of least squared error on the train ratings; the model's mean is whichever of 1
    and 5 alone fits them better, and what users without ratings get.

    Args:
        blocks: `blocks.user_blocks` of the train ratings.
        bias: fitted on the same rows; gives the mean, the users and the songs.

    Returns:
        The model, of rank 0 and without song offsets, and the threshold in stars, None where no
        user reaches one.
    """
    totals = blocks.mapInArrow(_totals, _TOTALS).toArrow()
    users, counts, stars = (column.to_numpy() for column in totals.columns)
    place, _ = find(bias.user_ids, users)
    lean = np.full(len(bias.user_ids), bias.mean)
    lean[place] = (stars + damping * bias.mean) / (counts + damping)
    excess = np.zeros(len(lean))
    excess[place] = stars - 3.0 * counts
    threshold = best_threshold(lean, excess)
    high = np.zeros(len(lean), bool) if threshold is None else lean >= threshold
    overall = 5.0 if excess.sum() >= 0 else 1.0
    model = replace(
        bias,
        name="user_lean",
        mean=overall,
        user_offsets=np.where(high, 5.0, 1.0) - overall,
        song_offsets=np.zeros(len(bias.song_ids)),
    )
    return model, threshold


def best_threshold(lean: Floats, excess: Floats) -> float | None:
    """The threshold t, one of `lean`, of least squared error; None if 5 is best for no user.

    Predicting 5 rather than 1 for a user changes the sum of squares by 8 Σ (3 - r), so the best
    t has the largest sum of `excess` = Σ (r - 3) over the users with lean >= t.
    """
    order = np.argsort(-lean, kind="stable")
    gains = np.cumsum(excess[order])
    last_of_equals = np.r_[lean[order][1:] != lean[order][:-1], True]
    gains = np.where(last_of_equals, gains, -np.inf)
    best = int(np.argmax(gains))
    return float(lean[order][best]) if gains[best] > 0 else None


def _totals(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
    for block in unpack(batches):
        stars = np.add.reduceat(block.ratings.astype(np.int64), block.starts)
        columns = [pa.array(block.users), pa.array(block.counts, pa.int64()), pa.array(stars)]
        yield pa.RecordBatch.from_arrays(columns, ["user_id", "count", "stars"])
