"""Data whose songs are all of genre 0, Unknown, as of sources that have no genres."""

import itertools
from collections.abc import Mapping

import numpy as np
import pytest
import raw_files
import told
from pyspark.sql import SparkSession

from jobs import evaluate, ingest, summarize
from ymr_spark.evaluation import slicing
from ymr_spark.pipeline import stages
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.description import Description, Example
from ymr_spark.records.figures import Recommended
from ymr_spark.report import about_genres, about_lists, about_ratings
from ymr_spark.report.card import Card, TableRows
from ymr_spark.sources.r2.scale import R2

BOARD = told.board(told.entry("bias"))
EXAMPLES = Description(1, 1.0, None, 0.2, None, (Example(1, {"Unknown": 1.0}, {}),))
LISTS = Recommended(model="als", verified=0, described=EXAMPLES)


@pytest.fixture(scope="module")
def without(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A summarized warehouse of such data."""
    root = tmp_path_factory.mktemp("without")
    train, test = (b"".join(lines) for lines in raw_files.ratings(40, 20, seed=1))
    raw = raw_files.write(root / "raw", train, test)
    songs = range(raw_files.SONGS)
    (raw / "song-attributes.txt").write_text("".join(f"{s}\t{s}\t{s}\t0\n" for s in songs))
    (raw / "genre-hierarchy.txt").write_text("0\t0\t1\tUnknown\n")
    warehouse = Warehouse(root, raw)
    told.write(warehouse, "ingest", ingest.run(spark, warehouse, Settings()))
    told.packed(spark, warehouse)
    summarize.run(spark, warehouse, Settings())
    return warehouse


@pytest.fixture(scope="module")
def tables(without: Warehouse) -> dict[str, TableRows]:
    return {name: without.load(name).to_pylist() for name in stages.SUMMARY_TABLES}


def named(cards: list[Card]) -> Mapping[str, Card]:
    return {card.name: card for card in cards}


def test_ingest_of_r2s_layout_writes_no_own_ids(without: Warehouse) -> None:
    for table in stages.ID_TABLES:
        assert without.load(table).num_rows == 0


def test_rows_are_sliced_by_the_genre_that_there_is(without: Warehouse) -> None:
    cuts = slicing.read(R2, *map(without.load, evaluate.SLICED_BY))
    users = songs = np.arange(3)
    found = dict(zip(cuts.labels, cuts.of(users, songs, np.ones(3, np.float32)), strict=False))
    assert cuts.labels["genre"] == ("Unknown",)
    assert found["genre"].tolist() == [0, 0, 0]


def test_no_card_tells_of_genres(tables: dict[str, TableRows]) -> None:
    assert about_genres.cards(tables, R2, like_r2=True) == []
    cards = named(about_ratings.cards(tables, R2, like_r2=False))
    assert cards.keys() == {"ratings", "splits", "described", "correlations"}
    assert {row[0].split()[0] for row in cards["described"].rows} == {"rating"}
    assert [row[0] for row in cards["correlations"].rows] == [
        "rating – user activity",
        "rating – song popularity",
        "user activity – song popularity",
    ]
    for card in (*cards.values(), *about_lists.cards(BOARD, LISTS, tables | {"user_ids": []})):
        texts = card.finding, card.chart, card.note, *card.columns, *itertools.chain(*card.rows)
        assert "genre" not in " ".join(texts)
        assert "Unknown" not in " ".join(texts)
        assert "published" not in " ".join(texts)
