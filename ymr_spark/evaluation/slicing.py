"""Where rows belong: by user activity, song popularity, genre, actual rating and prediction."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ymr_spark.models.arrays import Floats, Ints, find
from ymr_spark.scale import Scale
from ymr_spark.statistics.scans import by_level

EDGES = (1, 10, 30, 100, 300, 1_000, 3_000, 10_000)
COUNT_LABELS = (
    "0",
    *(f"{low:,}–{high - 1:,}" for low, high in pairwise(EDGES)),
    f"{EDGES[-1]:,} and more",
)
PREDICTION_BINS = 16  # of equal width from the lowest to the highest rating


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
    """Every row is in one bin of each slicing: of `users`, of `songs`, and of the two below.

    Ratings of `scale` are by level, predictions in `PREDICTION_BINS`.
    """

    users: tuple[Slicing, ...]
    songs: tuple[Slicing, ...]
    scale: Scale

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """The labels of the bins by slicing, in the order in which `of` gives them."""
        known = {slicing.name: slicing.labels for slicing in (*self.users, *self.songs)}
        ratings = tuple(f"{stars:g}" for stars in self.scale.values)
        edges = np.linspace(self.scale.lowest, self.scale.highest, PREDICTION_BINS + 1)
        predictions = tuple(f"{low:.2f}–{high:.2f}" for low, high in pairwise(edges))
        return known | {"rating": ratings, "prediction": predictions}

    def of(self, users: Ints, songs: Ints, ratings: Floats) -> list[Ints]:
        """Bins of the rows, an array for each slicing but that by prediction."""
        found = [slicing.of(users) for slicing in self.users]
        levels = self.scale.level_of(ratings).astype(np.int64)
        return [*found, *(slicing.of(songs) for slicing in self.songs), levels]

    def of_predictions(self, stars: Floats) -> Ints:
        """The bins of predictions; what is off the scale is in the nearest, NaN in 0."""
        steps = (stars - self.scale.lowest) / (self.scale.width / PREDICTION_BINS)
        return np.clip(np.nan_to_num(steps, nan=0.0), 0, PREDICTION_BINS - 1).astype(np.int64)


def read(
    scale: Scale, users: pa.Table, songs: pa.Table, catalogue: pa.Table, genres: pa.Table
) -> Slicings:
    """Users by their train ratings, songs by theirs and by top genre.

    Args:
        scale: of the ratings that are counted.
        users, songs: schemas.SUMMARY_USERS, SUMMARY_SONGS rows.
        catalogue, genres: schemas.SONGS, GENRES rows.
    """
    named = genres.filter(pc.equal(genres["level"], pa.scalar(1))).sort_by("genre_id")
    tops = genres.select(["genre_id", "top_genre_id"])
    placed = catalogue.join(tops, "genre_id", join_type="inner").sort_by("song_id")
    top = np.searchsorted(named["genre_id"].to_numpy(), placed["top_genre_id"].to_numpy())
    genre = Slicing("genre", tuple(named["name"].to_numpy()), placed["song_id"].to_numpy(), top)
    return Slicings(
        (by_count("activity", *_train_ratings(users, "user_id", scale)),),
        (by_count("popularity", *_train_ratings(songs, "song_id", scale)), genre),
        scale,
    )


def by_count(name: str, ids: Ints, counts: Ints) -> Slicing:
    """Ids, ascending, by a number of ratings in steps of about three; without any: bin 0."""
    return Slicing(name, COUNT_LABELS, ids, np.searchsorted(EDGES, counts, "right"))


def _train_ratings(counts: pa.Table, member: str, scale: Scale) -> tuple[Ints, Ints]:
    train = counts.filter(pc.equal(counts["split"], pa.scalar("train")))
    ids = train[member].to_numpy()
    order = np.argsort(ids)
    return ids[order], by_level(train, scale).sum(axis=1)[order]
