"""A few thousand planted ratings from raw files to the report, by the commands a user types."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import told
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs import pipeline
from ymr_spark.errors import DataContractError
from ymr_spark.identity import Identity
from ymr_spark.models import registry
from ymr_spark.pipeline import certificate, stages
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.ratings import identity, identity_of_all
from ymr_spark.records.leaderboard import Leaderboard
from ymr_spark.runtime import session

ROOT = Path(__file__).parent.parent.parent
DEEP = tuple(entry.name for entry in registry.MODELS if entry.deep)
SETTINGS = [
    "planted.users=120",
    "planted.songs=150",
    "planted.train_ratings=6000",
    *(f"{deep}.max_epochs=2" for deep in DEEP),
    *(f"{deep}.batch_size=512" for deep in DEEP),
    "als.iterations=3",
    "latent_factor.max_iterations=4",
    "recommend.k=5",
    "spark_defaults=tests/spark.conf",
]
OF_ANOTHER_SPARK = {
    "SPARK_HOME": "/no/spark",
    "SPARK_CONF_DIR": "/no/spark/conf",
    "SPARK_REMOTE": "sc://nowhere.invalid",
    "PYSPARK_PYTHON": "/no/python",
    "PYSPARK_DRIVER_PYTHON": "/no/python",
    "LC_ALL": "C",
}
SUBMIT = [str(Path(sys.executable).parent / "spark-submit"), "--properties-file"]


Environ = dict[str, str]


def run(
    job: str, root: Path, *arguments: str, submit: bool = False, jvm: Environ | None = None
) -> dict[str, Any]:
    """The last line of the job's output; the run must succeed, in a JVM of its own or in `jvm`."""
    start = [*SUBMIT, "tests/spark.conf"] if submit else [sys.executable]
    settings = [*SETTINGS, f"warehouse={root}", f"raw.folder={root}/raw"]
    command = [*start, f"jobs/{job}.py", "--conf", "conf/sample.yaml", *arguments]
    command += [word for setting in settings for word in ("--set", setting)]
    environ = os.environ | (jvm or {})
    if submit:
        environ |= {"PYSPARK_PYTHON": sys.executable, "HADOOP_CONF_DIR": str(ROOT / "tests")}
    elif jvm is None:
        environ |= OF_ANOTHER_SPARK
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    last: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return last


def versions(root: Path) -> dict[str, int | None]:
    tables = sorted(path.name for path in (root / "tables").iterdir())
    return {table: Warehouse(root, root / "raw").version(table) for table in tables}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that the whole pipeline has filled."""
    root = tmp_path_factory.mktemp("pipe line, é 100 % of ")
    assert run("pipeline", root)["status"] == "done"
    return root


@pytest.fixture(scope="module")
def jvm() -> Iterator[Environ]:
    with session.shared_jvm(ROOT / "tests" / "spark.conf") as joining:
        yield joining


@pytest.fixture(scope="module")
def board(root: Path) -> Leaderboard:
    return Leaderboard.of_json((root / "reports" / "leaderboard.json").read_bytes())


def test_models_that_share_what_they_read_are_one_process() -> None:
    found = [[s.model for s in g if s.model] for g in pipeline.groups(stages.pipeline(Settings()))]
    classical, deep = (
        [e.name for e in registry.MODELS if e.deep == deep and e.name != "als"]
        for deep in (False, True)
    )
    assert [models for models in found if models] == [classical, ["als"], deep]


@pytest.mark.slow
def test_all_models_are_fitted_and_judged_on_the_rows_of_the_table(
    spark: SparkSession, root: Path, board: Leaderboard
) -> None:
    tables = Warehouse(root, root / "raw")
    ratings = tables.read(spark, "ratings")
    rows = identity(ratings)
    assert rows["test"].rows == 1200
    assert sum(rows[split].rows for split in ("train", "validation")) == 6000
    assert {Identity(m.chosen_on_rows, m.chosen_on_hash) for m in board.models} == {rows["train"]}
    fitted_to = identity_of_all(ratings.where("split != 'test'"), tables.scale())
    assert fitted_to.rows == 6000
    assert {Identity(m.train_rows, m.train_hash) for m in board.models} == {fitted_to}
    assert {Identity(m.rows, m.test_hash) for m in board.models} == {rows["test"]}
    assert {*board.names} == {*registry.RATING}


@pytest.mark.slow
def test_the_order_that_planted_data_must_give(board: Leaderboard) -> None:
    assert told.known(board.floor_mse) < board.mse["bias"] < board.mse["constant"]
    assert all(told.known(m.mse_low) < m.mse < told.known(m.mse_high) for m in board.models)


@pytest.mark.slow
def test_lists_are_judged_of_models_that_tell_songs_apart(board: Leaderboard) -> None:
    ranking = {lists.name for lists in board.lists}
    assert ranking == {"recommend", *registry.RANKING} - {"constant", "user_lean"}
    assert {(row.train_rows, row.train_hash) for row in board.lists} == {
        (board.train_rows, board.train_hash)
    }
    assert board.oracle_lists is not None
    best = told.known(board.oracle_lists.ndcg_100)
    assert all(told.known(row.ndcg_100) < best for row in board.lists)


@pytest.mark.slow
def test_everybody_gets_songs_and_there_is_a_report(spark: SparkSession, root: Path) -> None:
    recommended = Warehouse(root, root / "raw").read(spark, "recommendations")
    assert recommended.count() == 120 * 5
    page = (root / "reports" / "index.html").read_text()
    for model in (*DEEP, "latent_factor"):
        assert f'id="curve-{model.replace("_", "-")}"' in page


@pytest.mark.slow
def test_a_second_run_does_nothing(root: Path) -> None:
    before = versions(root)
    files = {p: p.stat().st_mtime_ns for p in root.rglob("*") if p.name != "run.lock"}
    run("pipeline", root)
    assert versions(root) == before
    assert {p: p.stat().st_mtime_ns for p in files} == files


def verify(spark: SparkSession, root: Path) -> None:
    warehouse = Warehouse(root, root / "raw")
    issued = certificate.read(warehouse)
    certificate.verify(spark, warehouse, issued)


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def change_a_row(path: Path) -> None:
    """One rating of a data file, without the checksum that would give it away."""
    rows = pq.read_table(path)
    ratings = rows.column("rating").to_numpy().copy()
    ratings[0] = ratings[0] % 5 + 1
    place = rows.column_names.index("rating")
    pq.write_table(rows.set_column(place, "rating", pa.array(ratings)), path)
    path.with_name(f".{path.name}.crc").unlink(missing_ok=True)


@pytest.mark.slow
def test_the_certificate_holds_and_looking_writes_nothing(root: Path, jvm: Environ) -> None:
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*")}
    assert run("evaluate", root, "--verify", jvm=jvm)["status"] == "verified"
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*")} == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "change", "culprit"),
    [
        ("tables/predictions/model=als/*.parquet", flip_a_byte, "predictions of als"),
        ("tables/ratings/split=train/part=0/*.parquet", change_a_row, "ratings"),
        ("shards/train/*.parquet", flip_a_byte, "shards/train/row-group-00000.parquet"),
        ("reports/leaderboard.json", flip_a_byte, "reports/leaderboard.json"),
        ("chosen/implicit_als.npz", flip_a_byte, "file chosen/implicit_als.npz"),
        ("tables/implicit_als_songs/_delta_log/*.json", flip_a_byte, "table implicit_als_songs"),
        # A table that only its version and last commit stand for.
        ("tables/metrics/_delta_log/*.json", flip_a_byte, "table metrics"),
    ],
)
def test_the_certificate_names_what_was_changed(
    spark: SparkSession,
    root: Path,
    pattern: str,
    change: Callable[[Path], None],
    culprit: str,
) -> None:
    file = min(root.glob(pattern))
    kept = {p: p.read_bytes() for p in (file, file.with_name(f".{file.name}.crc")) if p.exists()}
    change(file)
    try:
        with pytest.raises(DataContractError, match=culprit):
            verify(spark, root)
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    verify(spark, root)


@pytest.mark.slow
def test_a_pair_is_predicted_as_it_was_judged(spark: SparkSession, root: Path) -> None:
    tables = Warehouse(root, root / "raw")
    published = tables.read(spark, "predictions").where("split = 'test' AND user_id = 3").collect()
    song = published[0]["song_id"]
    judged = {r["model"]: r for r in published if r["song_id"] == song}
    found = run("predict", root, "--user", "3", "--song", str(song))
    (answer,) = found["predictions"]
    assert answer["stars"] == {
        m: pytest.approx(r["prediction"], abs=1e-4) for m, r in judged.items()
    }
    assert set(answer["fallback"]) == {m for m, r in judged.items() if r["fallback"]}
    assert answer["split"] == "test"


@pytest.mark.slow
def test_unknown_ids_are_answered_and_said_so(root: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("3 999999\n888888\t999999\n")
    known, unknown = run("predict", root, "--pairs", str(pairs))["predictions"]
    assert (known["cold_user"], known["cold_song"]) == (False, True)
    assert (unknown["cold_user"], unknown["cold_song"]) == (True, True)
    assert unknown["stars"]["bias"] == pytest.approx(unknown["stars"]["constant"])


@pytest.mark.slow
@pytest.mark.cluster
def test_models_on_nested_parts_of_the_rows(spark: SparkSession, root: Path, jvm: Environ) -> None:
    tables = Warehouse(root, root / "raw")
    whole = {r["model"]: r for r in tables.read(spark, "models").collect()}
    run("compare_by_size", root, "--set", "compare_by_size.shares=[0.25, 0.9]", jvm=jvm)
    found = {(r["model"], r["train_rows"]): r for r in tables.read(spark, "by_size").collect()}
    sizes = sorted({rows for _, rows in found})
    rows, part = whole["bias"]["train_rows"], whole["bias"]["chosen_on_rows"] / 4
    # A row group is a quarter of the train rows: 0.9 is rounded to all, which was judged before.
    assert sizes == pytest.approx([part, rows], abs=1)
    assert len(found) == 6 * 2
    for model in ("bias", "latent_factor", "two_tower_dot", "two_tower_mlp"):
        assert found[model, sizes[-1]]["train_hash"] == whole[model]["train_hash"]
    hashes = {found["bias", rows]["train_hash"] for rows in sizes}
    assert len(hashes) == 2
    assert found["bias", sizes[-1]]["mse"] < found["bias", sizes[0]]["mse"]
    for model in ("implicit_als", "two_tower_retrieval"):
        assert all(found[model, rows]["mse"] is None for rows in sizes)
        lists = [found[model, rows]["ndcg_100"] for rows in sizes]
        assert all(0 < ndcg < 1 for ndcg in lists)
    run("report", root, jvm=jvm)
    assert "By form, or by the rows seen" in (root / "reports" / "index.html").read_text()


@pytest.mark.slow
def test_recommendations_for_some_users_from_one_genre_as_csv(
    spark: SparkSession, root: Path, jvm: Environ, tmp_path: Path
) -> None:
    (root / "recommendations.csv").symlink_to(tmp_path / "exported")
    wanted = root / "users.txt"
    wanted.write_text("0\n7\n1000000\n")
    tables = Warehouse(root, root / "raw")
    top = tables.read(spark, "genres").where("level = 1").orderBy("genre_id").first()
    assert top is not None
    options = [f"users={wanted}", f"include_genres=[{top['genre_id']}]", "per_artist=1", "k=3"]
    words = [word for option in options for word in ("--set", f"recommend.{option}")]
    run("recommend", root, *words, "--set", "recommend.export=csv", jvm=jvm)
    table = tables.read(spark, "recommendations")
    assert {row["user_id"] for row in table.collect()} == {0, 7, 1_000_000}
    below = tables.read(spark, "genres").where(F.col("top_genre_id") == top["genre_id"])
    about = table.join(tables.read(spark, "songs"), "song_id")
    assert about.join(below, "genre_id").count() == table.count()
    assert about.select("user_id", "artist_id").distinct().count() == table.count()
    files = (tmp_path / "exported").glob("*.csv")
    exported = [line for file in files for line in file.read_text().splitlines()]
    assert sum(not line.startswith("user_id") for line in exported) == table.count()


@pytest.mark.slow
@pytest.mark.cluster
def test_one_stage_alone_by_spark_submit(spark: SparkSession, root: Path) -> None:
    before = versions(root)
    assert run("train", root, "--model", "bias", submit=True)["status"] == "unchanged"
    assert versions(root) == before
    ratings = Warehouse(root, root / "raw")
    rows = identity(ratings.read(spark, "ratings"))
    assert run("ingest", root, "--force", submit=True)["rows"] == 7200
    assert identity(ratings.read(spark, "ratings")) == rows
