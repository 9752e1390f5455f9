"""What is known of planted rows: the least errors that there can be, and the best lists."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.sources.planted import best_lists, genre_tree, latent
from ymr_spark.sources.planted.rows import BLOCK_USERS, PlantedRows
from ymr_spark.sources.planted.sampling import Ints
from ymr_spark.sources.planted.size import Size
from ymr_spark.sources.planted.users import Users
from ymr_spark.sources.planted.world import World

LevelSums = dict[str, tuple[int, float]]


@dataclass(frozen=True)
class BlockTruth:
    """What is known of a block's test rows.

    Attributes:
        sums: see `floor_sums`.
        floors: (user_id, song_id, variance): of each rating, given the latent mean.
        lists: (user_id, rank, song_id, chance) of some of its users, see `best_lists`.
    """

    sums: LevelSums
    floors: pa.Table
    lists: pa.Table


def listed(spark: SparkSession, users: Users, seed: int) -> npt.NDArray[np.int64]:
    """Indexes, ascending, of the users whose best lists are told: those of the part that
    evaluate would take first, too."""
    ids = spark.range(users.first, users.first + len(users)).select(F.col("id").cast("int"))
    ordered = ids.orderBy(F.xxhash64("id", F.lit(seed)), "id").limit(best_lists.USERS)
    return np.sort(ordered.toArrow().column(0).to_numpy()).astype(np.int64) - users.first


def of_block(
    planted: World,
    users: Users,
    chosen: Ints,
    block: int,
    train: PlantedRows,
    test: PlantedRows,
) -> BlockTruth:
    """The truth of one block's rows.

    Args:
        chosen: indexes, ascending, of the users whose best lists are to be told.
    """
    chances = latent.probabilities(test.mean, planted.cuts, planted.traits.noise_sd)
    left = latent.variance(chances, planted.scale)
    floors = pa.table(
        {
            "user_id": pa.array(test.user + users.first, pa.int32()),
            "song_id": pa.array(test.song, pa.int32()),
            "variance": pa.array(left, pa.float32()),
        }
    )
    first = block * BLOCK_USERS
    mine = chosen[slice(*np.searchsorted(chosen, [first, first + BLOCK_USERS]))]
    lists = best_lists.of_users(planted, users, mine, train)
    table = pa.table(
        {
            "user_id": pa.array(lists.user + users.first, pa.int32()),
            "rank": pa.array(lists.rank, pa.int32()),
            "song_id": pa.array(lists.song, pa.int32()),
            "chance": pa.array(lists.chance, pa.float32()),
        }
    )
    return BlockTruth(floor_sums(planted, users, test, left), floors, table)


def floor_sums(
    planted: World, users: Users, test: PlantedRows, left: npt.NDArray[np.float64]
) -> LevelSums:
    """Rows, and the sum of their irreducible squared errors, in all and by slice."""
    return {
        name: (int(chosen.sum()), math.fsum(left[chosen].tolist()))
        for name, chosen in _slices(planted, users, test).items()
    }


def _slices(planted: World, users: Users, test: PlantedRows) -> dict[str, npt.NDArray[np.bool_]]:
    few, many = np.quantile(users.train_rows, [0.25, 0.75])
    counts, cold = users.train_rows[test.user], planted.songs.cold[test.song]
    known = planted.songs.genre[test.song] != genre_tree.UNKNOWN
    return {
        "all": np.ones(len(cold), np.bool_),
        "warm_songs": ~cold,
        "cold_songs": cold,
        "users_with_fewest_ratings": counts <= few,
        "users_with_most_ratings": counts >= many,
        "songs_of_known_genre": known,
    }


def summary(planted: World, size: Size, sums: list[LevelSums]) -> dict[str, Any]:
    """What truth.json says, without the list of cold songs.

    Args:
        sums: of all blocks.
    """
    test_rows, left = _total(sums, "all")
    slices = {name: _total(sums, name) for name in sums[0] if name != "all"}
    return {
        "floor_mse": left / test_rows,
        "test_rows": test_rows,
        "train_rows": size.rows - test_rows,
        "slices": {
            name: {"rows": count, "floor_mse": error / count if count else None}
            for name, (count, error) in slices.items()
        },
        "seed": planted.seed,
        "scale": vars(planted.scale),
        "cuts": list(planted.cuts),
        "activity_slope": planted.activity_slope,
        "parameters": vars(size),
        "traits": vars(planted.traits),
    }


def _total(sums: list[LevelSums], name: str) -> tuple[int, float]:
    return sum(block[name][0] for block in sums), math.fsum(block[name][1] for block in sums)
