"""What the limits of `similarity` cost in MSE, where the exact answer is affordable.

    python -m bench.pruning --conf conf/sample.yaml [--set KEY=VALUE ...]
        [--users SHARE] [--songs SHARE]

needs the tables ratings and bias_*. Of a share of the users, all pairs of songs are computed, then
one limit at a time is put on them, and last all limits of the settings. Predictions are of the
users' test rows of a share of the songs. One JSON line a variant; see docs/training.md.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

from bench.rivals import rows
from ymr_spark.models.arrays import Floats, Ints, find
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.neighbors import similarity
from ymr_spark.models.neighbors.residuals import Residuals
from ymr_spark.models.sections import Similarity
from ymr_spark.pipeline import publication, settings_file
from ymr_spark.pipeline.warehouse import Warehouse

_SONGS_AT_ONCE = 128
Split = tuple[Ints, Ints, Floats]


@dataclass(frozen=True)
class Limits:
    candidates: int | None = None
    neighbors: int | None = None
    min_overlap: int = 1


EXACT = Limits()
ALONE = (
    *(replace(EXACT, candidates=count) for count in (512, 1_024, 2_048, 4_096)),
    *(replace(EXACT, neighbors=count) for count in (50, 200, 500, 1_000)),
    *(replace(EXACT, min_overlap=count) for count in (3, 10)),
)


def sampled(split: Split, share: float, seed: int) -> Split:
    """The rows of a share of the users, the same in every split."""
    luck = np.random.default_rng(seed).random(1 + int(split[0].max()))
    chosen = luck[split[0]] < share
    users, songs, stars = split
    return users[chosen], songs[chosen], stars[chosen]


def matrix(train: Split, bias: FactorModel) -> tuple[Residuals, csc_matrix]:
    """Residuals of the bias model by user, and the same by song."""
    users, songs = np.unique(train[0]), np.unique(train[1])
    left = (train[2] - bias.score(train[0], train[1])[0]).astype(np.float32)
    place = find(users, train[0])[0], find(songs, train[1])[0]
    stars = csr_matrix((left, place), shape=(len(users), len(songs)))
    return Residuals(users, songs, stars), stars.tocsc()


def squared_errors(
    train: Split, test: Split, bias: FactorModel, variants: list[Limits], chosen: Similarity
) -> tuple[Floats, int]:
    """Sums over the test rows by variant, and the number of rows."""
    residuals, by_song = matrix(train, bias)
    pairs = similarity.PairSums(residuals)
    popularity = np.argsort(np.argsort(-np.diff(by_song.indptr), kind="stable"), kind="stable")
    total = np.zeros(len(variants))
    for songs, asked in chunks(test, residuals):
        stars = by_song[:, find(residuals.songs, songs)[0]].T.tocsr()
        base = bias.score(asked[0], asked[1])[0]
        rated = residuals.stars[find(residuals.users, asked[0])[0]]
        for place, limits in enumerate(variants):
            near = pairs.similarities(songs, stars, chosen.shrinkage, limits.min_overlap)
            if limits.candidates is not None:
                near[:, popularity >= limits.candidates] = 0
            if limits.neighbors is not None:
                near = strongest(near, limits.neighbors)
            shift = shifts(rated, near[find(songs, asked[1])[0]], chosen.damping)
            total[place] += np.sum((np.clip(base + shift, 1, 5) - asked[2]) ** 2)
    return total, len(test[2])


def chunks(test: Split, residuals: Residuals) -> Iterator[tuple[Ints, Split]]:
    """Songs that train has, with their test rows."""
    order = np.argsort(test[1], kind="stable")
    users, songs, stars = test[0][order], test[1][order], test[2][order]
    wanted = np.unique(songs)
    for first in range(0, len(wanted), _SONGS_AT_ONCE):
        some = wanted[first : first + _SONGS_AT_ONCE]
        begin, end = np.searchsorted(songs, some[0]), np.searchsorted(songs, some[-1], "right")
        yield some, (users[begin:end], songs[begin:end], stars[begin:end])


def strongest(near: Floats, count: int) -> Floats:
    """The `count` of each row of the largest absolute values, 0 for the others."""
    columns, _ = similarity.top(near, count)
    kept = np.zeros_like(near)
    np.put_along_axis(kept, columns, np.take_along_axis(near, columns, axis=1), axis=1)
    return kept


def shifts(rated: csr_matrix, near: Floats, damping: float) -> Floats:
    """The similar songs' weighted mean of residuals; 0 without any."""
    row = np.repeat(np.arange(rated.shape[0]), np.diff(rated.indptr))
    weights = near[row, rated.indices].astype(np.float64)
    sums = np.bincount(row, weights * rated.data, rated.shape[0])
    sizes = np.bincount(row, np.abs(weights), rated.shape[0])
    return np.divide(sums, sizes + damping, out=np.zeros_like(sums), where=sizes > 0)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--conf", type=Path, required=True)
    arguments.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments.add_argument("--users", type=float, default=1.0, help="share of the users")
    arguments.add_argument("--songs", type=float, default=1.0, help="share of the songs predicted")
    options = arguments.parse_args()
    settings_ = settings_file.load(options.conf, options.set)
    warehouse, seed = Warehouse(settings_.warehouse, settings_.raw.folder), settings_.seed
    bias = publication.load_chosen(warehouse, "bias")
    train, test = (
        sampled((found.user, found.song, found.stars), options.users, seed)
        for found in (rows.read(warehouse, name) for name in ("train", "test"))
    )
    luck = np.random.default_rng(seed).random(1 + int(test[1].max()))
    kept = np.isin(test[1], train[1]) & (luck[test[1]] < options.songs)
    test = tuple(column[kept] for column in test)
    report(train, test, bias, Similarity(**settings_.of("similarity")))


def report(train: Split, test: Split, bias: FactorModel, chosen: Similarity) -> None:
    ours = Limits(chosen.candidates, chosen.neighbors, chosen.min_overlap)
    variants = [EXACT, *ALONE, ours]
    total, count = squared_errors(train, test, bias, variants, chosen)
    alone = np.sum((bias.predict(test[0], test[1])[0] - test[2]) ** 2)
    lines: list[dict[str, Any]] = [{"what": "bias model", "mse": alone / count}]
    lines += [
        vars(limits) | {"mse": mse} for limits, mse in zip(variants, total / count, strict=True)
    ]
    print(json.dumps({"train_rows": len(train[2]), "test_rows": count}))
    for line in lines:
        cost = line["mse"] - total[0] / count
        print(json.dumps(line | {"mse": round(line["mse"], 4), "cost": round(cost, 4)}))


if __name__ == "__main__":
    main()
