"""What the bias model leaves of the ratings of some songs, as one matrix for all users."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csc_matrix, csr_matrix

from ymr_spark.models.arrays import Floats, Ints, find
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.packing import Block, Packed, flat, one_row
from ymr_spark.positions import Positions

# Of a block: songs, and by song the positions of its users and what is left of their ratings.
_COLUMNS = "songs array<int>, counts array<int>, users array<int>, residuals array<float>"


@dataclass(frozen=True)
class Residuals:
    """Train ratings less the bias model's unbounded score, in stars; 8 bytes a rating."""

    users: Ints  # (users,) ids, ascending
    songs: Ints  # (songs,) ids, ascending
    stars: csr_matrix  # (users, songs) float32

    def table(self) -> pa.Table:
        """A row for each song: song_id, positions in `users`, residuals in stars."""
        by_song = self.stars.tocsc()
        bounds = pa.array(by_song.indptr, pa.int32())
        lists = (
            pa.ListArray.from_arrays(bounds, pa.array(values, kind))
            for values, kind in ((by_song.indices, pa.int32()), (by_song.data, pa.float32()))
        )
        songs = pa.array(self.songs, pa.int32())
        return pa.table([songs, *lists], ["song_id", "users", "residuals"])

    @classmethod
    def of_table(cls, table: pa.Table, users: Ints) -> "Residuals":
        """What `table` was asked of.

        Args:
            users: ids, ascending.
        """
        table = table.sort_by("song_id")
        songs = table.column("song_id").to_numpy()
        ends = np.r_[0, np.cumsum(pc.list_value_length(table["users"]).to_numpy())]
        found = flat(table, "residuals"), flat(table, "users"), ends
        return cls(users, songs, csc_matrix(found, shape=(len(users), len(songs))).tocsr())


def most_rated(blocks: Packed, count: int) -> Ints:
    """Ids, ascending, of the `count` songs with the most ratings; of equals the lowest ids.

    Args:
        blocks: `packing.by_song`.
    """
    songs, ratings = blocks.counts()
    return np.sort(songs[np.lexsort((songs, -ratings))[:count]])


def of_songs(blocks: Packed, bias: FactorModel, songs: Ints) -> Residuals:
    """The residuals of all ratings of these songs, brought to the driver.

    Args:
        blocks: `packing.by_song` of the ratings that `bias` was fitted on.
        songs: ids, ascending, of songs in the blocks.
    """
    shared = blocks.broadcast((bias, songs))

    def select(blocks: Iterator[Block]) -> Iterable[pa.RecordBatch]:
        model, wanted = shared.value
        positions = Positions(model.user_ids)
        for block in blocks:
            users = positions.of(block.others)
            chosen = np.isin(block.owners, wanted)
            ratings = np.repeat(chosen, block.counts)
            yield one_row(
                songs=block.owners[chosen],
                counts=block.counts[chosen],
                users=users[ratings].astype(np.int32),
                residuals=of_song_block(block, model, users)[ratings],
            )

    table = blocks.map(select, _COLUMNS).toArrow()
    found, counts, users, stars = (flat(table, name) for name in table.column_names)
    by_song = csc_matrix(
        (stars, users, np.r_[0, np.cumsum(counts)]), shape=(len(bias.user_ids), len(found))
    )
    return Residuals(bias.user_ids, songs, by_song[:, np.argsort(found)].tocsr())


def ones_of_songs(blocks: Packed, songs: Ints) -> csr_matrix:
    """(users, songs) ones where a user has rated one of these songs, of the users who have.

    Args:
        blocks: `packing.by_song`.
        songs: ids, ascending, of songs in the blocks.
    """
    shared = blocks.broadcast(songs)

    def select(blocks: Iterator[Block]) -> Iterable[pa.RecordBatch]:
        for block in blocks:
            chosen = np.isin(block.owners, shared.value)
            ratings = np.repeat(chosen, block.counts)
            yield one_row(
                songs=block.owners[chosen],
                counts=block.counts[chosen],
                users=block.others[ratings],
            )

    table = blocks.map(select, "songs array<int>, counts array<int>, users array<int>").toArrow()
    found, counts, users = (flat(table, name) for name in table.column_names)
    raters, user = np.unique(users, return_inverse=True)
    ends, ones = np.r_[0, np.cumsum(counts)], np.ones(len(user), np.float32)
    by_song = csc_matrix((ones, user, ends), shape=(len(raters), len(found)))
    return by_song[:, np.argsort(found)].tocsr()


def of_song_block(block: Block, bias: FactorModel, users: Ints) -> Floats:
    """(ratings,) float32, in the order of a block of `packing.by_song`.

    Args:
        bias: knows all users and songs of the block.
        users: (ratings,), where `bias` has each rating's user.
    """
    songs, _ = find(bias.song_ids, block.owners)
    scores = bias.score_at(users, np.repeat(songs, block.counts))
    residuals: Floats = (block.ratings - scores).astype(np.float32)
    return residuals
