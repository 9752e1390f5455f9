"""What the bias model leaves of the ratings of some songs, as one matrix for all users."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from scipy.sparse import csc_matrix, csr_matrix

from ymr_spark.models.blocks import UserBlock, unpack
from ymr_spark.models.factors import FactorModel, Floats, Ints, find

_COLUMNS = "songs binary, counts binary, users binary, residuals binary"


@dataclass(frozen=True)
class Residuals:
    """Train ratings less the bias model's unbounded score, in stars; 8 bytes a rating."""

    users: Ints  # (users,) ids, ascending
    songs: Ints  # (songs,) ids, ascending
    stars: csr_matrix  # (users, songs) float32


def most_rated(blocks: DataFrame, count: int) -> Ints:
    """Ids, ascending, of the `count` songs with the most ratings; of equals the lowest ids.

    Args:
        blocks: `blocks.song_blocks`.
    """
    rows = blocks.select("users", "counts").collect()
    songs = np.concatenate([np.frombuffer(row.users, np.int32) for row in rows])
    ratings = np.concatenate([np.frombuffer(row.counts, np.int32) for row in rows])
    return np.sort(songs[np.lexsort((songs, -ratings))[:count]])


def of_songs(blocks: DataFrame, bias: FactorModel, songs: Ints) -> Residuals:
    """The residuals of all ratings of these songs, brought to the driver.

    Args:
        blocks: `blocks.song_blocks` of the ratings that `bias` was fitted on.
        songs: ids, ascending, of songs in the blocks.
    """
    shared = blocks.sparkSession.sparkContext.broadcast((bias, songs))

    def select(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        model, wanted = shared.value
        for block in unpack(batches):
            chosen = np.isin(block.users, wanted)
            ratings = np.repeat(chosen, block.counts)
            parts = (
                block.users[chosen],
                block.counts[chosen],
                find(model.user_ids, block.songs[ratings])[0].astype(np.int32),
                of_song_block(block, model)[ratings],
            )
            columns = [pa.array([part.tobytes()], pa.binary()) for part in parts]
            yield pa.RecordBatch.from_arrays(columns, ["songs", "counts", "users", "residuals"])

    rows = blocks.mapInArrow(select, _COLUMNS).collect()
    found, counts, users = (
        np.concatenate([np.frombuffer(row[name], np.int32) for row in rows])
        for name in ("songs", "counts", "users")
    )
    stars = np.concatenate([np.frombuffer(row.residuals, np.float32) for row in rows])
    by_song = csc_matrix(
        (stars, users, np.r_[0, np.cumsum(counts)]), shape=(len(bias.user_ids), len(found))
    )
    return Residuals(bias.user_ids, songs, by_song[:, np.argsort(found)].tocsr())


def of_song_block(block: UserBlock, bias: FactorModel) -> Floats:
    """(ratings,) float32, in the order of a block of `blocks.song_blocks`."""
    songs = np.repeat(block.users, block.counts)
    residuals: Floats = (block.ratings - bias.score(block.songs, songs)[0]).astype(np.float32)
    return residuals
