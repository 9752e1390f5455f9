"""A planted world as R2's files: blocks written by Spark in parallel, joined in order."""

import json
import logging
from contextlib import ExitStack
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv
from pyarrow import parquet as pq
from pyspark.sql import SparkSession

from ymr_spark.errors import DataContractError, EnvironmentProblem
from ymr_spark.runtime import cores
from ymr_spark.scale import Scale
from ymr_spark.sources.planted import genre_tree, rows, truth, world
from ymr_spark.sources.planted.size import Size
from ymr_spark.sources.planted.songs import PlantedSongs
from ymr_spark.sources.planted.traits import Traits
from ymr_spark.sources.planted.users import Users
from ymr_spark.sources.planted.world import World
from ymr_spark.sources.r2 import names
from ymr_spark.sources.r2.scale import R2
from ymr_spark.store import atomically, locations
from ymr_spark.store.locations import Location

log = logging.getLogger(__name__)

TRUTH: Final = "truth.json"
_LONGEST_IDS: Final = len("1823178\t136735\t")
_BLOCKS_A_CORE: Final = 16  # between two progress lines


def generate(
    spark: SparkSession,
    folder: Location,
    seed: int,
    size: Size,
    scale: Scale = R2,
    traits: Traits = world.USUAL,
) -> dict[str, Any]:
    """Write train_N.txt, test_N.txt, the song and genre files, and the truth: truth.json,
    truth_N.parquet and truth_lists_N.parquet.

    The folder is replaced whole, after all of it is written.

    Args:
        folder: seen by the driver and all executors.
        scale: of the ratings.
        traits: what kind of world it is.

    Returns:
        What truth.json says, without the list of cold songs.

    Raises:
        ValueError: the train ratings do not fit the users and songs.
        DataContractError: the folder holds files that were not planted.
        EnvironmentProblem: the disk is too small.
    """
    _require_room(folder, size, scale)
    counts = size.users, size.songs, size.train_ratings
    planted = world.plant(seed, *counts, size.cold_song_share, scale, traits)
    log.info("planted %d songs; cut points %s", size.songs, np.round(planted.cuts, 3))
    with atomically.replacing(folder) as partial:
        atomically.write(partial / "song-attributes.txt", of_songs(planted.songs))
        atomically.write(partial / "genre-hierarchy.txt", of_genres())
        sums: list[truth.LevelSums] = []
        for part in range(size.parts):
            users, ratings = size.of_part(part)
            of_part = world.users_of(planted, part, part * size.users, users, ratings)
            blocks = write_part(spark, planted, of_part, part, partial)
            sums += [block.sums for block in blocks]
            for name, tables in (
                ("truth", [block.floors for block in blocks]),
                ("truth_lists", [block.lists for block in blocks]),
            ):
                whole = pa.concat_tables(tables).combine_chunks()
                with (partial / f"{name}_{part}.parquet").open("wb") as file:
                    pq.write_table(whole, file)
        told = truth.summary(planted, size, sums)
        cold = np.flatnonzero(planted.songs.cold).tolist()
        atomically.write(partial / TRUTH, json.dumps(told | {"cold_songs": cold}, indent=1))
    return told


def _require_room(folder: Location, size: Size, scale: Scale) -> None:
    longest = _LONGEST_IDS + max(map(len, _texts(scale))) + len("\n")
    free, needed = locations.free_bytes(folder), size.rows * longest
    if free < needed:
        raise EnvironmentProblem(
            f"{folder}: {free / 1e9:.1f} GB free, planted files need up to {needed / 1e9:.1f} GB; "
            "free some, choose another raw.folder or fewer planted.train_ratings"
        )
    if strangers := _not_planted(folder):
        raise DataContractError(
            f"{folder}: {', '.join(strangers)}: not planted (what is has {TRUTH} beside it), left "
            "alone; choose an empty raw.folder, or set raw.source to folder to use what is there"
        )


def _not_planted(folder: Location) -> list[str]:
    """What a new planting would take away with the folder that is no planting of before."""
    found = [path.name for path in locations.within(folder)] if folder.exists() else []
    kept = [name for name in found if not names.is_clutter(name)]
    if TRUTH not in found:
        return kept
    return [name for name in kept if not (names.is_taken(name) or names.is_truth(name))]


def of_songs(songs: PlantedSongs) -> bytes:
    """song-attributes.txt: song, album, artist, genre."""
    return _text([np.arange(len(songs.album)), songs.album, songs.artist, songs.genre])


def of_genres() -> str:
    """genre-hierarchy.txt: genre, parent, level, name."""
    tree = genre_tree.tree()
    lines = zip(tree.parent.tolist(), tree.level.tolist(), tree.name, strict=True)
    return "".join(f"{i}\t{p}\t{level}\t{name}\n" for i, (p, level, name) in enumerate(lines))


def write_part(
    spark: SparkSession, planted: World, users: Users, part: int, folder: Location
) -> list[truth.BlockTruth]:
    """Write train_N.txt and test_N.txt; return what `write_block` does for each, in order."""
    context = spark.sparkContext
    shared = context.broadcast((planted, users, truth.listed(spark, users, planted.seed)))
    total, wave = rows.blocks(users), _BLOCKS_A_CORE * cores.parallelism(spark)

    def work(block: int) -> truth.BlockTruth:
        return write_block(*shared.value, part, block, folder)

    written: list[truth.BlockTruth] = []
    with ExitStack() as opened:
        whole = {
            split: opened.enter_context((folder / f"{split}_{part}.txt").open("wb"))
            for split in ("train", "test")
        }
        for first in range(0, total, wave):
            numbers = range(first, min(first + wave, total))
            written += context.parallelize(numbers, len(numbers)).map(work).collect()
            for split, target in whole.items():
                _join([_block_file(folder, split, part, b) for b in numbers], target)
            log.info("part %d: %d of %d blocks of users written", part, numbers[-1] + 1, total)
    shared.destroy()
    return written


def write_block(
    planted: World,
    users: Users,
    listed: npt.NDArray[np.int64],
    part: int,
    block: int,
    folder: Location,
) -> truth.BlockTruth:
    """Write one block's rows beside the files that they are to join; return the truth of them.

    Args:
        listed: indexes, ascending, of the users whose best lists are to be told.
    """
    train, test = rows.of_block(planted, users, part, block)
    for split, found in (("train", train), ("test", test)):
        stars = pa.array(_texts(planted.scale)).take(found.level)
        text = _text([found.user + users.first, found.song, stars])
        atomically.write(_block_file(folder, split, part, block), text)
    return truth.of_block(planted, users, listed, block, train, test)


def _block_file(folder: Location, split: str, part: int, block: int) -> Location:
    return folder / f".{split}_{part}.{block}.block"


def _texts(scale: Scale) -> list[str]:
    """The ratings as the files have them."""
    return [f"{stars:g}" for stars in scale.values]


def _text(columns: "list[npt.NDArray[Any] | pa.Array[Any]]") -> bytes:
    table = pa.Table.from_pydict(dict(zip("abcd", columns, strict=False)))
    options = csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    text = pa.BufferOutputStream()
    csv.write_csv(table, text, options)
    return text.getvalue().to_pybytes()


def _join(blocks: list[Location], target: IO[bytes]) -> None:
    for block in blocks:
        target.write(block.read_bytes())
        block.unlink()
