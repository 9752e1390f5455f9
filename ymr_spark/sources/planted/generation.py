"""A planted world as R2's files: blocks written by Spark in parallel, joined in order."""

import json
import logging
import math
import shutil
import uuid
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv
from pyarrow import parquet as pq
from pyspark.sql import SparkSession

from ymr_spark.errors import DataContractError, EnvironmentProblem
from ymr_spark.scale import Scale
from ymr_spark.sources.planted import genre_tree, latent, rows, world
from ymr_spark.sources.planted.rows import PlantedRows
from ymr_spark.sources.planted.size import Size
from ymr_spark.sources.planted.songs import PlantedSongs
from ymr_spark.sources.planted.traits import Traits
from ymr_spark.sources.planted.users import Users
from ymr_spark.sources.planted.world import World
from ymr_spark.sources.r2 import names
from ymr_spark.sources.r2.scale import R2
from ymr_spark.store import atomically

log = logging.getLogger(__name__)

TRUTH: Final = "truth.json"
_LONGEST_IDS: Final = len("1823178\t136735\t")
_BLOCKS_A_CORE: Final = 16  # between two progress lines
_COPY_BYTES: Final = 1 << 22

LevelSums = dict[str, tuple[int, float]]
Floors = Any  # a pyarrow table of test rows: user_id, song_id, variance given the latent mean


def generate(
    spark: SparkSession,
    folder: Path,
    seed: int,
    size: Size,
    scale: Scale = R2,
    traits: Traits = world.USUAL,
) -> dict[str, Any]:
    """Write train_N.txt, test_N.txt, the song and genre files, truth.json and truth_N.parquet.

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
        write_songs(planted.songs, partial / "song-attributes.txt")
        write_genres(partial / "genre-hierarchy.txt")
        sums: list[LevelSums] = []
        for part in range(size.parts):
            users, ratings = size.of_part(part)
            of_part = world.users_of(planted, part, part * size.users, users, ratings)
            blocks = write_part(spark, planted, of_part, part, partial)
            sums += [of_block for of_block, _ in blocks]
            floors = pa.concat_tables([rows for _, rows in blocks]).combine_chunks()
            pq.write_table(floors, partial / f"truth_{part}.parquet")
        truth = _truth(planted, size, sums)
        cold = np.flatnonzero(planted.songs.cold).tolist()
        (partial / TRUTH).write_text(json.dumps(truth | {"cold_songs": cold}, indent=1))
    return truth


def _require_room(folder: Path, size: Size, scale: Scale) -> None:
    existing = next(p for p in [folder.absolute(), *folder.absolute().parents] if p.exists())
    longest = _LONGEST_IDS + max(map(len, _texts(scale))) + len("\n")
    free, needed = shutil.disk_usage(existing).free, size.rows * longest
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


def _not_planted(folder: Path) -> list[str]:
    """What a new planting would take away with the folder that is no planting of before."""
    found = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    kept = [name for name in found if not names.is_clutter(name)]
    if TRUTH not in found:
        return kept
    return [name for name in kept if not (names.is_taken(name) or names.is_truth(name))]


def write_songs(songs: PlantedSongs, path: Path) -> None:
    """song-attributes.txt: song, album, artist, genre."""
    _write([np.arange(len(songs.album)), songs.album, songs.artist, songs.genre], path)


def write_genres(path: Path) -> None:
    """genre-hierarchy.txt: genre, parent, level, name."""
    tree = genre_tree.tree()
    lines = zip(tree.parent.tolist(), tree.level.tolist(), tree.name, strict=True)
    text = "".join(f"{i}\t{p}\t{level}\t{name}\n" for i, (p, level, name) in enumerate(lines))
    path.write_text(text, encoding="utf-8")


def write_part(
    spark: SparkSession, planted: World, users: Users, part: int, folder: Path
) -> list[tuple[LevelSums, Floors]]:
    """Write train_N.txt and test_N.txt; return what `write_block` does for each, in order."""
    context = spark.sparkContext
    shared = context.broadcast((planted, users))
    total, wave = rows.blocks(users), _BLOCKS_A_CORE * context.defaultParallelism

    def work(block: int) -> tuple[LevelSums, Floors]:
        return write_block(*shared.value, part, block, folder)

    written: list[tuple[LevelSums, Floors]] = []
    for first in range(0, total, wave):
        numbers = range(first, min(first + wave, total))
        written += context.parallelize(numbers, len(numbers)).map(work).collect()
        for split in ("train", "test"):
            _join([_block_file(folder, split, part, b) for b in numbers], folder, split, part)
        log.info("part %d: %d of %d blocks of users written", part, numbers[-1] + 1, total)
    shared.destroy()
    return written


def write_block(
    planted: World, users: Users, part: int, block: int, folder: Path
) -> tuple[LevelSums, Floors]:
    """Write one block's rows beside the files that they are to join; return their floor."""
    train, test = rows.of_block(planted, users, part, block)
    for split, found in (("train", train), ("test", test)):
        path = _block_file(folder, split, part, block)
        attempt = path.with_suffix(f".{uuid.uuid4().hex}")
        stars = pa.array(_texts(planted.scale)).take(found.level)
        _write([found.user + users.first, found.song, stars], attempt)
        attempt.replace(path)
    chances = latent.probabilities(test.mean, planted.cuts, planted.traits.noise_sd)
    left = latent.variance(chances, planted.scale)
    floors = pa.Table.from_pydict(
        {
            "user_id": (test.user + users.first).astype(np.int32),
            "song_id": test.song.astype(np.int32),
            "variance": left.astype(np.float32),
        }
    )
    return floor_sums(planted, users, test, left), floors


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


def _truth(planted: World, size: Size, sums: list[LevelSums]) -> dict[str, Any]:
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


def _block_file(folder: Path, split: str, part: int, block: int) -> Path:
    return folder / f".{split}_{part}.{block}.block"


def _texts(scale: Scale) -> list[str]:
    """The ratings as the files have them."""
    return [f"{stars:g}" for stars in scale.values]


def _write(columns: "list[npt.NDArray[Any] | pa.Array[Any]]", path: Path) -> None:
    table = pa.Table.from_pydict(dict(zip("abcd", columns, strict=False)))
    options = csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    csv.write_csv(table, path, options)


def _join(blocks: list[Path], folder: Path, split: str, part: int) -> None:
    with (folder / f"{split}_{part}.txt").open("ab") as target:
        for block in blocks:
            with block.open("rb") as source:
                shutil.copyfileobj(source, target, _COPY_BYTES)
            block.unlink()
