import re
from pathlib import Path
from typing import Any

import browser
import judged_rows
import pytest
import told
from pyspark.sql import SparkSession

from ymr_spark.identity import Identity
from ymr_spark.pipeline import stages
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.certificate import Certificate
from ymr_spark.records.description import Description, Example
from ymr_spark.records.figures import Addition, Figures, Recommended
from ymr_spark.records.line_counts import LineCounts
from ymr_spark.report import about_ratings, page
from ymr_spark.sources.r2.scale import R2

SCREENSHOTS = Path(__file__).parent.parent.parent / "build" / "ci"
HOSTILE = "<script>alert(1)</script> $x_1$ & more"
BOARD = told.board(
    told.entry("two_tower_dot", 1.4, 1),
    told.entry("bias", 2.0, 2),
    told.entry("user_lean", 4.0, 3),
    floor_mse=1.2,
    lists=(told.listed("most_popular", 0.2), told.listed("bias", 0.1)),
)
CURVE = told.curve((1.9, 1.8), (1.3, 1.4), (1.1, 1.5))
LISTS = Description(120, 0.4, 0.3, 0.2, 0.25, (Example(3, {HOSTILE: 1.0}, {"Pop": 0.75}),))
MANIFESTS = [
    told.manifest("ingest", Figures(rows=4800)),
    told.manifest("train_deep_cross", told.trained("deep_cross", learning_curve=CURVE)),
    told.manifest("recommend", Recommended(model="two_tower_dot", verified=9, described=LISTS)),
]
SPLITS = {name: Identity(3, "0c") for name in ("train", "validation", "test")}
CERTIFICATE = Certificate(
    ratings=SPLITS,
    additions=[Addition(ratings_version=0, files=["train_0.txt"], splits=SPLITS)],
    settings={"evaluate": {"seed": 7}},
    commit=None,
    packages={"pyspark": "4.0"},
    tables={},
    files={"reports/leaderboard.json": "0d"},
    predictions={"bias": {"model=bias/part-0.parquet": "0e"}},
    chosen_on={"bias": Identity(5, "0f"), "als": Identity(5, "0f")},
    fitted_to={"bias": Identity(8, "10"), "als": Identity(8, "10")},
    tuned={"bias": None, "als": told.tuned("als")},
)

# Only a browser can tell where text ends up; CI installs one, a user's machine may have none.
in_browser = pytest.mark.skipif(browser.CHROMIUM is None, reason="chromium is not installed")


Tables = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def tables(spark: SparkSession, summarized: Warehouse) -> Tables:
    """Of a summarized warehouse; a genre, a user's own id and a song's title are hostile."""
    found = {
        name: [row.asDict() for row in summarized.read(spark, name).collect()]
        for name in stages.SUMMARY_TABLES
    }
    for name in ("summary_genres", "summary_top_genres"):
        for row in found[name]:
            row["name"] = HOSTILE if row["name"] == "Rock" else row["name"]
    found |= judged_rows.tables()
    found["user_ids"] = [{"user_id": 3, "id": HOSTILE}]
    found["song_ids"] = [{"song_id": 7, "id": "s", "title": HOSTILE}]
    return found


def rendered(tables: Tables, kind: str) -> str:
    """The page of data from that source, with a quarantined line that is hostile."""
    file = LineCounts(10, 9, {"rating": 1})
    ingest = told.ingested(SPLITS, 4, files={"train_0.txt": file}, songs=file)
    quarantined = [{"file": "train_0.txt", "reason": "rating", "lines": 1, "example": HOSTILE}]
    source = page.Source(kind, "raw", ingest, quarantined, R2)
    return page.render(source, tables, BOARD, MANIFESTS, CERTIFICATE)


@pytest.fixture(scope="module")
def html(tables: Tables) -> str:
    return rendered(tables, "planted")


def test_nothing_is_loaded_and_nothing_runs(html: str) -> None:
    assert "<script" not in html
    links = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)


def test_every_chart_has_its_text_and_every_reference_its_target(html: str) -> None:
    drawings = re.findall(r"<svg[^>]*>", html)
    assert len(drawings) >= 10
    assert all(re.search(r'role="img" aria-label="[^"]{20,}"', svg) for svg in drawings)
    ids = re.findall(r'\bid="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(|href=")#([^)"]*)', html)) <= set(ids)


def test_a_model_has_its_learning_curve_where_its_job_writes_it(html: str) -> None:
    assert 'id="curve-deep-cross"' in html
    assert "deep_cross: error by epoch" in html


def test_names_from_the_data_are_shown_as_they_are(html: str) -> None:
    shown = "&lt;script&gt;alert(1)&lt;/script&gt; $x_1$ &amp; more"
    assert html.count(shown) >= 4
    # Users and songs of the test rows, users among the examples of lists.
    assert f"<tr><td>{shown}</td><td>{shown}</td><td>5</td>" in html
    assert f"<tr><td>{shown}</td><td>Pop</td><td>0.0%</td>" in html


def test_published_figures_are_of_r2s_layout_only(tables: Tables, html: str) -> None:
    names = {"published", "Published"}
    assert all(name in html for name in names)
    other = rendered(tables, "movielens-100k")
    assert not any(name in other for name in names)


def test_without_genres_there_is_no_section_of_them(tables: Tables, html: str) -> None:
    assert html.count("#genres") == html.count('id="genres"') == 1
    alone = [row for row in tables["summary_genres"] if row["genre_id"] == 0]
    without = rendered(tables | {"summary_genres": alone}, "planted")
    assert "#genres" not in without
    assert 'id="genres"' not in without


def test_the_same_twice(html: str, spark: SparkSession, summarized: Warehouse) -> None:
    tables = {
        name: [row.asDict() for row in summarized.read(spark, name).collect()[::-1]]
        for name in stages.SUMMARY_TABLES
    }
    again = about_ratings.cards(tables, R2, like_r2=True)
    assert all(card.chart in html and card.chart for card in again if card.name != "described")


@in_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser(html: str, width: int, tmp_path: Path) -> None:
    seen = browser.look(html, width, tmp_path, SCREENSHOTS / f"report-{width}.png")
    assert seen.width <= width
    assert seen.outside == []
    assert seen.errors == []
    assert seen.height > 2000


@in_browser
def test_the_browser_sees_what_is_wrong(html: str, tmp_path: Path) -> None:
    wrong = "<p style='width:2000px'>wide</p><script>console.error('wrong')</script></body>"
    seen = browser.look(html.replace("</body>", wrong), 390, tmp_path)
    assert seen.width >= 2000
    assert any("wrong" in error for error in seen.errors)
