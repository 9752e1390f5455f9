"""What bounds each hot loop: bytes and operations against what one core of this machine can do.

    python -m bench.limits

Blocks are synthetic, in the numbers of 74 M ratings of 200,000 users and 136,736 songs; there is
no Spark. Prints JSON lines: what the machine can do, then a loop each, in nanoseconds of a core
for one rating, pair or score:

    ns           as it is
    ns_in_cache  on so few owners and others that their tables fit the second-level cache
    ns_bytes     what its bytes from beyond the first-level cache take at the machine's rates
    ns_flops     what its operations take at the rate of a large matrix product
    of_limit     the larger of these two, over ns

These are of CPU time, the least of several runs, since others may be using the machine.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from ymr_spark.models.arrays import Ints
from ymr_spark.models.linear import bias, variational_bayes
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.ranking import Ranking
from ymr_spark.models.linear.variational_bayes import Posteriors
from ymr_spark.models.neighbors.residuals import Residuals
from ymr_spark.models.neighbors.similarity import PairSums
from ymr_spark.packing import Block
from ymr_spark.sources.r2.scale import R2

_RANK, _TOP, _RUNS = 12, 100, 5
_PACKED = 12  # bytes of a rating in a block: other, stars


@dataclass(frozen=True)
class World:
    """How many there are of what a loop's tables grow with."""

    owners: int = 2_700
    others: int = 136_736
    users: int = 200_000
    candidates: int = 4_096

    def block(self) -> Block:
        """Some owners have many more ratings than others, and some others are had by many more."""
        random = np.random.default_rng(1)
        counts = (20 + random.pareto(1.2, self.owners) * 100).clip(max=20_000).astype(np.int32)
        owners = np.repeat(np.arange(self.owners, dtype=np.int32), counts)
        others = popular(random, self.others, len(owners))
        others = others[np.lexsort((others, owners))]
        return Block(np.unique(owners), counts, others, random.choice([1.0, 3.0, 5.0], len(others)))


LARGE, SMALL = World(), World(owners=300, others=1_000, users=200, candidates=1_024)


def popular(random: np.random.Generator, among: int, count: int) -> Ints:
    """So many positions, of which the first come most often."""
    weights = 1 / (np.arange(among) + 30) ** 0.9
    chosen: Ints = random.choice(among, count, p=weights / weights.sum()).astype(np.int32)
    return chosen


def ns(run: Callable[[], object], units: float) -> float:
    """Nanoseconds of CPU time a unit, the least of several runs."""
    found = []
    for _ in range(_RUNS):
        started = time.process_time()
        run()
        found.append(time.process_time() - started)
    return min(found) / units * 1e9


@cache
def stream() -> float:
    """GB/s, read and written, of copying an array that fits no cache."""
    source = np.ones(1 << 26, np.float32)
    target = np.empty_like(source)
    return 1 / ns(lambda: np.copyto(target, source), 2 * source.nbytes)


@cache
def gather(row: int, table: int) -> float:
    """GB/s of fetching rows of `row` bytes in random order from a table of `table` bytes."""
    values = np.ones((table // row, row // 4), np.float32)
    chosen = np.random.default_rng(1).integers(0, len(values), (100, 1 + (1 << 18) // row))
    found = np.empty((chosen.shape[1], row // 4), np.float32)

    def fetch() -> None:
        for some in chosen:
            values.take(some, axis=0, out=found, mode="clip")

    return 1 / ns(fetch, chosen.size * row)


@cache
def products() -> float:
    """GFLOP/s of a large matrix product in single precision."""
    square = np.ones((1_024, 1_024), np.float32)
    return 1 / ns(lambda: square @ square, 2 * 1_024**3)


def latent_factor(world: World) -> float:
    """ns a rating of a block of a step."""
    block, random = world.block(), np.random.default_rng(1)
    ids, spread = np.arange(world.others, dtype=np.int32), np.full((world.others, 91), 0.01)
    means, prior = random.normal(size=(world.others, _RANK + 1)), np.eye(_RANK + 1)
    seen = variational_bayes._seen(Posteriors(ids, means, spread.astype(np.float32), prior))
    step = partial(variational_bayes._solved, block, seen, 3.0, 1.4, prior)
    return ns(step, len(block.others))


def similarity(world: World) -> float:
    """ns a pair of ratings, of 256 songs with all candidates."""
    random, share = np.random.default_rng(1), world.candidates // 50
    counts = (random.pareto(1.2, world.users) * share / 5 + 20).astype(int).clip(max=share * 20)
    user = np.repeat(np.arange(world.users), counts)
    ones = np.ones(len(user), np.float32)
    shape = world.users, world.candidates
    stars = csr_matrix((ones, (user, popular(random, world.candidates, len(user)))), shape)
    raters = random.choice(user, (256, 400))  # who has rated much has rated this, too
    starts = 400 * np.arange(257, dtype=np.int32)
    songs = csr_matrix((np.ones(raters.size, np.float32), raters.ravel(), starts), (256, shape[0]))
    sums = PairSums(Residuals(np.arange(world.users), np.arange(world.candidates), stars))
    pairs = np.diff(stars.indptr)[raters].sum()
    return ns(partial(sums.similarities, np.arange(256), songs, 10.0, 3), pairs)


def bias_pass(world: World) -> float:
    """ns a rating of a block of an iteration."""
    block, ids = world.block(), np.arange(world.others, dtype=np.int32)

    def mapped(kernel: Callable[[Any], Any], _: str) -> Any:
        return SimpleNamespace(toArrow=lambda: pa.Table.from_batches(kernel(iter([block]))))

    blocks: Any = SimpleNamespace(broadcast=lambda x: SimpleNamespace(value=x), map=mapped)
    scan = partial(bias._song_sums, blocks, 3.0, ids, np.zeros(len(ids)), 5.0)
    return ns(scan, len(block.others))


def top_k(world: World) -> float:
    """ns a score, of the lists of 256 users from all songs."""
    block, random = world.block(), np.random.default_rng(1)
    songs = np.arange(world.others, dtype=np.int32)
    users = songs[: world.owners]
    mine, theirs = (
        random.normal(size=(len(ids), _RANK)).astype(np.float32) for ids in (users, songs)
    )
    sides = users, np.zeros(len(users)), mine, songs, np.zeros(len(songs)), theirs
    search = Ranking(FactorModel("latent_factor", 3.0, *sides, R2), None, _TOP)
    return ns(lambda: search.of(block, slice(0, 256)), 256 * world.others)


@dataclass(frozen=True)
class Loop:
    """A hot loop: what a unit of it moves, bytes at GB/s, and its operations."""

    name: str
    unit: str
    moved: list[tuple[float, float]]
    flops: float
    run: Callable[[World], float] | None = None
    small: bool = True  # whether it says anything of a few owners and others

    def line(self) -> dict[str, Any]:
        """What is printed."""
        ns_bytes = sum(size / rate for size, rate in self.moved)
        ns_flops = self.flops / products()
        found: dict[str, Any] = {"loop": self.name, "unit": self.unit}
        found |= {"bytes": sum(size for size, _ in self.moved), "flops": self.flops}
        found |= {"ns_bytes": ns_bytes, "ns_flops": ns_flops}
        if self.run:
            found["ns"] = self.run(LARGE)
            found["of_limit"] = max(ns_bytes, ns_flops) / found["ns"]
            if self.small:
                found["ns_in_cache"] = self.run(SMALL)
        return found


def loops() -> list[Loop]:
    """All of them. A two-tower step has a user's row and four of a song, each of an offset and 16
    factors: read for the score, then read and written with their curvature."""
    moments = 4 * ((_RANK + 2) * (_RANK + 3) // 2 + _RANK + 2)
    table = moments * LARGE.others / len(LARGE.block().others)  # once a block
    row, tables = 4 * 17, 4 * 17 * LARGE.users
    return [
        Loop(
            "latent_factor step",
            "rating",
            [(_PACKED + table, stream()), (2 * moments, gather(moments, moments * LARGE.owners))],
            moments / 2,
            latent_factor,
        ),
        Loop("similarity sums", "pair", [(8, gather(4_096, 1 << 27))], 3, similarity),
        Loop(
            "bias pass",
            "rating",
            [(_PACKED, stream()), (4 * 8, gather(8, 8 * LARGE.others))],
            4,
            bias_pass,
        ),
        Loop("top K", "score", [(8, stream())], 2 * (_RANK + 1), top_k, small=False),
        Loop("two_tower_dot step", "rating", [(5 * row * 5, gather(row, tables))], 2 * 5 * 17 * 3),
    ]


def main() -> None:
    with threadpool_limits(1):
        print(json.dumps({"copy_gb_s": round(stream(), 1), "product_gflop_s": round(products())}))
        for loop in loops():
            found = loop.line()
            rounded = {k: round(v, 3) if isinstance(v, float) else v for k, v in found.items()}
            print(json.dumps(rounded), flush=True)


if __name__ == "__main__":
    main()
