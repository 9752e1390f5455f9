"""NDCG@100 of lists beside those of public recommenders, tuned alike: `python bench/lists.py DATA`.

DATA is movielens, for MovieLens-100K by 5-fold cross-validation over ratings, or a folder of R2's
layout of the size of the sample, by its test file. The same rows, metric and number of trials for
all: each recommender is tuned on validation rows taken from the train rows and fitted to all of
these. Liked are 4 and 5 stars. Intervals are paired by user, against the best rival.
"""

import argparse
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import implicit
import numpy as np
import optuna
import pyarrow as pa
from implicit.nearest_neighbours import BM25Recommender
from optuna import Trial
from pyspark.ml import recommendation
from pyspark.sql import SparkSession
from scipy.sparse import csr_matrix

from ymr_spark.evaluation.list_weights import WEIGHTS
from ymr_spark.lists import worth
from ymr_spark.lists.worth import Worth
from ymr_spark.models.arrays import Floats, Ints, Link, log_chance
from ymr_spark.models.linear.implicit_als import ImplicitAls
from ymr_spark.models.linear.latent_factor import LatentFactor
from ymr_spark.models.linear.most_popular import MostPopular
from ymr_spark.models.neighbors import item_neighbors
from ymr_spark.models.second_stage import ordered
from ymr_spark.models.two_tower.estimators import TwoTowerRetrieval
from ymr_spark.ratings import with_scale
from ymr_spark.runtime import session
from ymr_spark.sources import movielens
from ymr_spark.sources.r2.scale import R2
from ymr_spark.split import validation_rows

log = logging.getLogger(__name__)
FOLDS, SEED, LIKED = 5, 1, 4
COLUMNS: dict[str, Any] = {"userCol": "user_id", "itemCol": "song_id", "seed": SEED}
Rows = Ints  # (n, 3): user, song, stars
Scores = Callable[["Data"], Floats]  # of all users and songs


@dataclass(frozen=True)
class Data:
    """Rows to fit to, as pairs and for Spark."""

    spark: SparkSession
    rows: Rows
    users: int
    songs: int

    @property
    def rated(self) -> csr_matrix:
        """(users, songs) ones."""
        ones = np.ones(len(self.rows), np.float32)
        return csr_matrix((ones, self.rows[:, :2].T), shape=(self.users, self.songs))

    def fitted(self, estimator: Any) -> Any:
        """The arrays of an estimator's model."""
        columns = "user_id int, song_id int, rating double"
        rows = [(int(u), int(s), float(r)) for u, s, r in self.rows]
        frame = with_scale(self.spark.createDataFrame(rows, columns), R2)
        return estimator.fit(frame).scorer

    def scores(self, estimator: Any) -> Floats:
        """(users, songs) of a factor model; -inf of songs that it does not know."""
        model = self.fitted(estimator)
        found = np.full((self.users, self.songs), -np.inf)
        users = np.arange(self.users)
        known = model.score(users[:, None], model.song_ids[None, :])[0]
        found[:, model.song_ids] = known
        return found


def ease(data: Data, trial: Trial) -> Floats:
    squares = (data.rated.T @ data.rated).toarray().astype(np.float64)
    squares[np.diag_indices_from(squares)] += trial.suggest_float("ridge", 30, 3_000, log=True)
    inverse = np.linalg.inv(squares)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return np.asarray(data.rated @ weights)


def implicit_library_als(data: Data, trial: Trial) -> Floats:
    model = implicit.als.AlternatingLeastSquares(
        factors=trial.suggest_int("factors", 8, 128, log=True),
        regularization=trial.suggest_float("regularization", 1e-3, 1e2, log=True),
        alpha=trial.suggest_float("alpha", 0.5, 50, log=True),
        iterations=15,
        random_state=SEED,
        num_threads=2,
    )
    model.fit(data.rated, show_progress=False)
    return np.asarray(model.user_factors @ model.item_factors.T, np.float64)


def sparks_als(data: Data, trial: Trial) -> Floats:
    rows = [(int(user), int(song), 1.0) for user, song, _ in data.rows]
    model = recommendation.ALS(
        userCol="user_id",
        itemCol="song_id",
        implicitPrefs=True,
        rank=trial.suggest_int("rank", 8, 128, log=True),
        regParam=trial.suggest_float("regularization", 1e-4, 1, log=True),
        alpha=trial.suggest_float("alpha", 0.5, 50, log=True),
        seed=SEED,
    ).fit(data.spark.createDataFrame(rows, "user_id int, song_id int, rating double"))
    sides = []
    for factors, size in ((model.userFactors, data.users), (model.itemFactors, data.songs)):
        found = np.zeros((size, model.rank))
        for row in factors.collect():
            found[row["id"]] = row["features"]
        sides.append(found)
    return np.asarray(sides[0] @ sides[1].T)


def bm25(data: Data, trial: Trial) -> Floats:
    model = BM25Recommender(
        K=trial.suggest_int("K", 20, 1_000, log=True),
        K1=trial.suggest_float("K1", 0.1, 10, log=True),
        B=trial.suggest_float("B", 0, 1),
        num_threads=2,
    )
    model.fit(data.rated, show_progress=False)
    return np.asarray((data.rated @ model.similarity).toarray(), np.float64)


def our_item_neighbors(data: Data, trial: Trial) -> Floats:
    ridge = trial.suggest_float("ridge", 30, 3_000, log=True)
    return np.asarray(data.rated @ item_neighbors.fit(data.rated, ridge).astype(np.float64))


def our_implicit_als(data: Data, trial: Trial) -> Floats:
    return data.scores(
        ImplicitAls(
            rank=trial.suggest_int("rank", 8, 128, log=True),
            unobserved=trial.suggest_float("unobserved", 3, 30, log=True),
            regParam=trial.suggest_float("regularization", 0.03, 0.2, log=True),
            **COLUMNS,
        )
    )


def our_retrieval(data: Data, trial: Trial) -> Floats:
    return data.scores(
        TwoTowerRetrieval(
            dimension=trial.suggest_int("dimension", 8, 64, log=True),
            maxEpochs=trial.suggest_int("epochs", 2, 12, log=True),
            batchSize=512,
            attributes=[],
            **COLUMNS,
        )
    )


RIVALS = {
    "EASE": ease,
    "implicit's ALS": implicit_library_als,
    "implicit's BM25": bm25,
    "Spark's implicit ALS": sparks_als,
}
OURS = {
    "item_neighbors": our_item_neighbors,
    "implicit_als": our_implicit_als,
    "two_tower_retrieval": our_retrieval,
}
LINKS: dict[str, Link] = {
    "item_neighbors": "chance",
    "implicit_als": "chance",
    "two_tower_retrieval": "log_chance",
}


def judged(scores: Floats, heard: Rows, asked: Rows) -> Worth:
    """Of the liked rows of `asked`, by lists without what was heard."""
    scores = scores.copy()
    scores[heard[:, 0], heard[:, 1]] = -np.inf
    some = np.argpartition(-scores, worth.LENGTH, axis=1)[:, : worth.LENGTH]
    users = np.repeat(np.arange(len(scores)), some.shape[1])
    values = np.take_along_axis(scores, some, axis=1).ravel()
    order, ranks = ordered(users, some.ravel(), values, worth.LENGTH)
    possible = np.isfinite(values[order])
    columns = users[order][possible], ranks[possible], some.ravel()[order][possible]
    lists = pa.Table.from_arrays([*map(pa.array, columns)], ["user_id", "rank", "song_id"])
    liked = asked[asked[:, 2] >= LIKED]
    found = [pa.array(liked[:, 0]), pa.array(liked[:, 1])]
    return worth.worth(lists, pa.Table.from_arrays(found, ["user_id", "song_id"]))


@dataclass(frozen=True)
class Tuned:
    """Scores of the fits by the settings of the best validation lists.

    Attributes:
        ndcg: of these lists.
        before: of the fit that they judged.
        after: of the fit to the validation rows, too.
    """

    ndcg: float
    before: Floats
    after: Floats


def tuned(
    name: str, make: Any, train: Data, validation: Rows, everything: Data, trials: int
) -> Tuned:
    """By a search of so many trials."""

    def objective(trial: Trial) -> float:
        return _ndcg(make(train, trial), train, validation)

    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=SEED, n_startup_trials=4)
    )
    study.optimize(objective, n_trials=trials)
    log.info("%s: %.4f on validation by %s", name, study.best_value, study.best_params)
    best = optuna.trial.FixedTrial(study.best_params)
    return Tuned(study.best_value, make(train, best), make(everything, best))


def _ndcg(scores: Floats, heard: Data, asked: Rows) -> float:
    return float(judged(scores, heard.rows, asked).values[:, 0].mean())


def compared(
    names: Sequence[str],
    train: Data,
    validation: Rows,
    everything: Data,
    test: Rows,
    trials: int,
) -> dict[str, Worth]:
    """Each recommender's lists, on test rows that none of them has seen."""
    found = {
        name: tuned(name, make, train, validation, everything, trials)
        for name, make in {**RIVALS, **OURS}.items()
        if name in names
    }
    best = max((name for name in OURS if name in names), key=lambda name: found[name].ndcg)
    lists = {name: judged(one.after, everything.rows, test) for name, one in found.items()}
    popular = everything.scores(MostPopular(**COLUMNS))
    lists["most_popular"] = judged(popular, everything.rows, test)
    in_order = _recommended(found[best], LINKS[best], train, validation, everything)
    lists["recommend"] = judged(in_order, everything.rows, test)
    return lists


def _recommended(
    best: Tuned, link: Link, train: Data, validation: Rows, everything: Data
) -> Floats:
    """What jobs/recommend.py orders by, the weight of a star by validation lists."""
    stars = [np.clip(d.scores(LatentFactor(**COLUMNS)), 1, 5) for d in (train, everything)]
    chances = [log_chance(scores, link) for scores in (best.before, best.after)]
    weights = [_ndcg(chances[0] + w * stars[0], train, validation) for w in WEIGHTS]
    found: Floats = chances[1] + WEIGHTS[int(np.argmax(weights))] * stars[1]
    return found


def folds(data: str) -> Iterator[tuple[Rows, Rows]]:
    """Train and test rows, their users and songs numbered from 0."""
    if data != "movielens":
        files = (Path(data) / f"{split}_0.txt" for split in ("train", "test"))
        yield tuple(np.loadtxt(file, np.int64, delimiter="\t") for file in files)  # type: ignore[misc]
        return
    rows = movielens.rows(movielens.fetch(Path("build/downloads")))
    # The order that the folds are drawn over.
    last = validation_rows(rows[:, 0], rows[:, 1], 10, 0.5, SEED)
    rows = rows[np.argsort(last, kind="stable")]
    fold = np.random.default_rng(SEED).permutation(len(rows)) % FOLDS
    for number in range(FOLDS):
        yield rows[fold != number], rows[fold == number]


def _split(rows: Rows) -> tuple[Rows, Rows]:
    """A fifth of each user's rows, ten at most, to choose by; the first are the others."""
    random = np.random.default_rng(SEED)
    rows = rows[random.permutation(len(rows))]
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    _, first, counts = np.unique(rows[:, 0], return_index=True, return_counts=True)
    place = np.arange(len(rows)) - np.repeat(first, counts)
    held = place < np.repeat(np.minimum(10, np.maximum(1, counts // 5)), counts)
    return rows[~held], rows[held]


def _said(name: str, found: list[Worth], best: list[Worth]) -> str:
    values = np.concatenate([one.values[:, 0] for one in found])
    ahead = values - np.concatenate([one.values[:, 0] for one in best])
    error = 1.96 * ahead.std(ddof=1) / np.sqrt(len(ahead))
    row: dict[str, Any] = {"recommender": name, "ndcg_100": round(float(values.mean()), 4)}
    row |= {"by_fold": [round(float(one.values[:, 0].mean()), 4) for one in found]}
    return json.dumps(row | {"ahead_of_best_rival": f"{ahead.mean():+.4f} ± {error:.4f}"})


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("data")
    arguments.add_argument("--trials", type=int, default=12)
    arguments.add_argument("--rivals", nargs="+", choices=[*RIVALS], default=[*RIVALS])
    arguments.add_argument("--ours", nargs="+", choices=[*OURS], default=[*OURS])
    options = arguments.parse_args()
    optuna.logging.set_verbosity(logging.WARNING)
    logging.basicConfig(format="%(asctime)s %(message)s")
    log.setLevel(logging.INFO)
    names = [*options.rivals, *options.ours]
    spark = session.build("bench lists", Path("conf/sample-spark.conf"))
    found: dict[str, list[Worth]] = {}
    for rows, test in folds(options.data):
        together = np.concatenate([rows, test])
        size = int(together[:, 0].max()) + 1, int(together[:, 1].max()) + 1
        train, validation = _split(rows)
        data = Data(spark, train, *size), Data(spark, rows, *size)
        lists = compared(names, data[0], validation, data[1], test, options.trials)
        for name, one in lists.items():
            found.setdefault(name, []).append(one)
    means = {name: np.concatenate([w.values[:, 0] for w in f]).mean() for name, f in found.items()}
    best = max(options.rivals, key=lambda name: means[name])
    for name in sorted(found, key=lambda name: -means[name]):
        print(_said(name, found[name], found[best]))
    spark.stop()


if __name__ == "__main__":
    main()
