from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ymr_spark import schemas
from ymr_spark.evaluation import slicing
from ymr_spark.evaluation.slicing import Slicings
from ymr_spark.pipeline.table_schemas import arrow_schema
from ymr_spark.scale import Scale
from ymr_spark.sources.r2.scale import R2


def test_the_first_and_the_last_count_of_each_bin() -> None:
    edges = {
        "1–9": (1, 9),
        "10–29": (10, 29),
        "30–99": (30, 99),
        "100–299": (100, 299),
        "300–999": (300, 999),
        "1,000–2,999": (1_000, 2_999),
        "3,000–9,999": (3_000, 9_999),
        "10,000 and more": (10_000, 9_999_999),
    }
    counts = np.array([count for pair in edges.values() for count in pair])
    ids = np.arange(0, 2 * len(counts), 2)
    cut = slicing.by_count("activity", ids, counts)
    assert [cut.labels[b] for b in cut.of(ids)] == [label for label in edges for _ in range(2)]
    assert [cut.labels[b] for b in cut.of(np.array([3, 99]))] == ["0", "0"]


@pytest.mark.parametrize(
    ("stars", "label"),
    [
        (1.0, "1.00–1.25"),
        (1.2499, "1.00–1.25"),
        (1.25, "1.25–1.50"),
        (4.75, "4.75–5.00"),
        (5.0, "4.75–5.00"),
        (7.0, "4.75–5.00"),
        (-2.0, "1.00–1.25"),
        (np.nan, "1.00–1.25"),
    ],
)
def test_bins_of_predictions(stars: float, label: str) -> None:
    cuts = Slicings((), (), R2)
    (found,) = cuts.of_predictions(np.array([stars]))
    assert cuts.labels["prediction"][found] == label


def test_bins_of_half_stars() -> None:
    cuts = Slicings((), (), Scale(0.5, 5, 0.5))
    ids, stars = np.arange(3), np.array([0.5, 4.5, 5.0])
    (found,) = cuts.of(ids, ids, stars.astype(np.float32))
    assert [cuts.labels["rating"][b] for b in found] == ["0.5", "4.5", "5"]
    labels = cuts.labels["prediction"]
    assert (len(labels), labels[0], labels[-1]) == (16, "0.50–0.78", "4.72–5.00")
    assert [labels[b] for b in cuts.of_predictions(stars)] == [labels[0], "4.44–4.72", labels[-1]]


def rows(table: str, *values: tuple[Any, ...]) -> pa.Table:
    names = schemas.TABLES[table].fieldNames()
    dicts = [dict(zip(names, value, strict=True)) for value in values]
    return pa.Table.from_pylist(dicts, arrow_schema(table))


def counts(key: str, *found: tuple[str, int, int]) -> pa.Table:
    """(split, id, ratings) rows, the ratings spread over the stars."""
    each = [
        {"split": split, key: member, "counts": [ratings - 1, 0, 0, 0, 1]}
        for split, member, ratings in found
    ]
    return pa.Table.from_pylist(each)


def test_users_and_songs_by_their_train_ratings_and_songs_by_top_genre() -> None:
    users = counts("user_id", ("train", 2, 12), ("train", 1, 9), ("validation", 3, 10))
    songs = counts("song_id", ("train", 7, 150), ("test", 8, 150))
    catalogue = rows("songs", (8, 0, 0, 22), (7, 0, 0, 5), (9, 0, 0, 0))
    genres = rows(
        "genres",
        (22, 5, 2, "Hard Rock", 5),
        (5, 5, 1, "Rock", 5),
        (3, 3, 1, "Pop", 3),
        (0, 0, 1, "Unknown", 0),
    )
    cuts = slicing.read(R2, users, songs, catalogue, genres)
    found = cuts.of(np.array([1, 2, 3]), np.array([7, 8, 9]), np.array([1, 3, 5]))
    labels = cuts.labels
    assert list(labels) == ["activity", "popularity", "genre", "rating", "prediction"]
    named = [[labels[n][b] for b in bins] for n, bins in zip(labels, found, strict=False)]
    assert named == [
        ["1–9", "10–29", "0"],
        ["100–299", "0", "0"],
        ["Rock", "Rock", "Unknown"],
        ["1", "3", "5"],
    ]
