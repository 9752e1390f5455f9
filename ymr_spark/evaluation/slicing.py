"""Where rows belong: by user activity, song popularity, genre, actual rating and prediction."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ymr_spark.models.factors import Floats, Ints, find
from ymr_spark.statistics.scans import STARS

EDGES = (1, 10, 30, 100, 300, 1_000, 3_000, 10_000)
COUNT_LABELS = (
    "0",
    *(f"{low:,}–{high - 1:,}" for low, high in pairwise(EDGES)),
    f"{EDGES[-1]:,} and more",
)
PREDICTION_STEP = 0.25  # stars
RATING_LABELS = tuple(str(rating) for rating in range(1, 6))
PREDICTION_LABELS = tuple(
    f"{low:.2f}–{low + PREDICTION_STEP:.2f}" for low in np.arange(1, 5, PREDICTION_STEP)
)


@dataclass(frozen=True)
class Slicing:
    """A cut of the rows by what is known of their user or song.

    `bins` is (ids,), positions in `labels`, for the ascending `ids`; other ids are in bin 0.
    """

    name: str
    labels: tuple[str, ...]
    ids: Ints
    bins: Ints

    def of(self, ids: Ints) -> Ints:
        """The bin of each row's user or song."""
        position, known = find(self.ids, ids)
        return np.where(known, self.bins[position], 0)


@dataclass(frozen=True)
class Slicings:
    """Every row is in one bin of each slicing: of `users`, of `songs`, and of the two below."""

    users: tuple[Slicing, ...]
    songs: tuple[Slicing, ...]

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """The labels of the bins by slicing, in the order in which `of` gives them."""
        known = {slicing.name: slicing.labels for slicing in (*self.users, *self.songs)}
        return known | {"rating": RATING_LABELS, "prediction": PREDICTION_LABELS}

    def of(self, users: Ints, songs: Ints, ratings: Ints) -> list[Ints]:
        """Bins of the rows, an array for each slicing but that by prediction."""
        found = [slicing.of(users) for slicing in self.users]
        return [*found, *(slicing.of(songs) for slicing in self.songs), ratings - 1]


def of_predictions(stars: Floats) -> Ints:
    """The bins of predictions; what is no number from 1 to 5 is in the nearest, NaN in 0."""
    steps = np.nan_to_num((stars - 1) / PREDICTION_STEP, nan=0.0)
    return np.clip(steps, 0, len(PREDICTION_LABELS) - 1).astype(np.int64)


def read(users: pa.Table, songs: pa.Table, catalogue: pa.Table, genres: pa.Table) -> Slicings:
    """Users by their train ratings, songs by theirs and by top genre.

    Args:
        users, songs: schemas.SUMMARY_USERS, SUMMARY_SONGS rows.
        catalogue, genres: schemas.SONGS, GENRES rows.
    """
    named = genres.filter(pc.equal(genres["level"], 1)).sort_by("genre_id")
    tops = genres.select(["genre_id", "top_genre_id"])
    placed = catalogue.join(tops, "genre_id", join_type="inner").sort_by("song_id")
    top = np.searchsorted(named["genre_id"].to_numpy(), placed["top_genre_id"].to_numpy())
    genre = Slicing("genre", tuple(named["name"].to_pylist()), placed["song_id"].to_numpy(), top)
    return Slicings(
        (by_count("activity", *_train_ratings(users, "user_id")),),
        (by_count("popularity", *_train_ratings(songs, "song_id")), genre),
    )


def by_count(name: str, ids: Ints, counts: Ints) -> Slicing:
    """Ids, ascending, by a number of ratings in steps of about three; without any: bin 0."""
    return Slicing(name, COUNT_LABELS, ids, np.searchsorted(EDGES, counts, "right"))


def _train_ratings(counts: pa.Table, member: str) -> tuple[Ints, Ints]:
    train = counts.filter(pc.equal(counts["split"], "train")).sort_by(member)
    ratings = sum(train[stars].to_numpy() for stars in STARS.values())
    return train[member].to_numpy(), np.asarray(ratings)
