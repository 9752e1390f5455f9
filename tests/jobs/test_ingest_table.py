"""Tables of any columns and ids through jobs/ingest.py."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from on_disk import Warehouse
from pyspark.sql import SparkSession
from table_files import COLUMNS, FORMS, as_csv, as_parquet, as_parts, half_stars

from jobs import ingest
from ymr_spark.errors import DataContractError, SettingsError
from ymr_spark.pipeline import cli
from ymr_spark.pipeline.settings import Settings
from ymr_spark.records.figures import Ingested
from ymr_spark.scale import Scale
from ymr_spark.sources.table import ingestion


def settings(path: Path, **values: Any) -> Settings:
    raw = {"source": "table", "path": str(path), "columns": COLUMNS} | values.pop("raw", {})
    return Settings.model_validate({"raw": raw} | values)


def ingested(spark: SparkSession, root: Path, asked: Settings) -> tuple[Warehouse, Ingested]:
    warehouse = Warehouse(root, asked.raw.place, asked.raw.items.path)
    return warehouse, ingest.run(spark, warehouse, asked)


@pytest.fixture(scope="module")
def from_csv(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Warehouse, Ingested]:
    folder = tmp_path_factory.mktemp("csv")
    return ingested(spark, folder / "w", settings(as_csv(half_stars(), folder, spark)))


def test_every_row_is_kept_with_its_own_ids(from_csv: tuple[Warehouse, Ingested]) -> None:
    warehouse, told = from_csv
    rows = half_stars()
    assert told.rows == len(rows)
    assert warehouse.scale() == Scale(0.5, 5, 0.5)
    users = warehouse.load("user_ids").to_pandas().set_index("user_id")["id"]
    songs = warehouse.load("song_ids").to_pandas().set_index("song_id")["id"]
    assert users.to_list() == sorted(rows["listener"].unique())
    found = warehouse.load("ratings").to_pandas()
    assert {
        *zip(users[found["user_id"]], songs[found["song_id"]], found["rating"], strict=True)
    } == {*zip(rows["listener"], rows["track"], rows["stars"], strict=True)}
    assert warehouse.load("songs")["song_id"].to_pylist() == [*range(40)]
    assert warehouse.load("genres")["name"].to_pylist() == ["Unknown"]


def test_ten_of_each_user_are_held_out(from_csv: tuple[Warehouse, Ingested]) -> None:
    found = from_csv[0].load("ratings").to_pandas()
    counts = found.groupby(["user_id", "split"]).size().unstack(fill_value=0)
    rows = counts.sum(axis=1)
    np.testing.assert_array_equal(counts["test"], np.minimum(10, rows // 2))
    left = rows - counts["test"]
    np.testing.assert_array_equal(counts["validation"], np.minimum(10, left // 5))


def test_each_users_rows_of_a_split_lie_side_by_side(
    from_csv: tuple[Warehouse, Ingested], spark: SparkSession
) -> None:
    seen: set[tuple[str, int]] = set()
    for path in from_csv[0].files("ratings"):
        table = pd.read_parquet(str(path))
        key = table["user_id"].to_numpy() * 1000 + table["song_id"].to_numpy()
        assert (np.diff(key) > 0).all()
        users = {(str(path.parent.parent), user) for user in table["user_id"]}
        assert not users & seen
        seen |= users


@pytest.mark.parametrize("form", FORMS)
def test_the_same_rows_in_any_form(
    form: str, from_csv: tuple[Warehouse, Ingested], spark: SparkSession, tmp_path: Path
) -> None:
    path = FORMS[form](half_stars(), tmp_path, spark)
    warehouse, told = ingested(spark, tmp_path / "w", settings(path))
    assert told.splits == from_csv[1].splits
    (table_file,) = told.files.values()
    assert table_file.lines == len(half_stars())
    for table in ("user_ids", "song_ids", "songs"):
        assert warehouse.load(table).equals(from_csv[0].load(table))


def test_the_latest_of_each_user(spark: SparkSession, tmp_path: Path) -> None:
    rows = half_stars()
    asked = settings(as_csv(rows, tmp_path, spark), split={"by": "time", "test_ratings": 3})
    warehouse, _ = ingested(spark, tmp_path / "w", asked)
    found = _with_time(warehouse, rows)
    order = found.sort_values("at").groupby("listener")["split"].agg(list)
    for splits in order:
        held = min(10, (len(splits) - 3) // 5)
        left = len(splits) - 3 - held
        assert splits == ["train"] * left + ["validation"] * held + ["test"] * 3


@pytest.mark.parametrize("at", [1_000_000_400, "2001-09-09T01:53:20", "2001-09-09T03:53:20+02:00"])
def test_a_cut_in_time(at: int | str, spark: SparkSession, tmp_path: Path) -> None:
    rows = half_stars()
    asked = settings(as_csv(rows, tmp_path, spark), split={"by": "time", "test_from": at})
    warehouse, _ = ingested(spark, tmp_path / "w", asked)
    found = _with_time(warehouse, rows)
    assert ((found["split"] == "test") == (found["at"] >= 1_000_000_400)).all()


def _with_time(warehouse: Warehouse, rows: pd.DataFrame) -> pd.DataFrame:
    found = warehouse.load("ratings").to_pandas()
    for side, name in (("user", "listener"), ("song", "track")):
        found = found.merge(warehouse.load(f"{side}_ids").to_pandas(), on=f"{side}_id")
        found = found.rename(columns={"id": name})
    joined = found.merge(rows, on=["listener", "track"])
    assert len(joined) == len(rows)
    return joined


def test_what_is_no_rating_is_quarantined(spark: SparkSession, tmp_path: Path) -> None:
    path = as_csv(half_stars(), tmp_path, spark)
    good = len(half_stars())
    again = half_stars().iloc[0]
    wrong = {
        "id_missing": ["x,3,,n,5", ",3,u1,n,5"],
        "rating_not_a_number": ["x,,u1,n,5", "x,three,u1,n,5", "x,inf,u1,n,5"],
        "rating_off_the_scale": ["x,5.5,u1,n,5", "x,0.25,u1,n,5"],
        "wrong_number_of_fields": ["x,3,u1,n", "x,3,u1,n,5,6", '"x,3,u1,n,5'],
        "duplicate": [f'"{again["track"]}",1,{again["listener"]},n,7'],
    }
    lines = [line for found in wrong.values() for line in found]
    path.write_text(path.read_text() + "\n".join(["", *lines, ""]))
    asked = settings(
        path,
        scale={"lowest": 0.5, "highest": 5, "step": 0.5},
        ingest={"max_quarantine_share": 0.05},
    )
    warehouse, told = ingested(spark, tmp_path / "w", asked)
    counts = told.files["ratings.csv"]
    assert (counts.lines, counts.kept) == (good + len(lines), good)
    assert counts.quarantined == {reason: len(found) for reason, found in sorted(wrong.items())}
    table = warehouse.load("quarantine").to_pylist()
    assert len(table) == len(lines)
    text = path.read_bytes()
    for row in table:
        if row["reason"] == "duplicate":
            assert json.loads(row["raw"])["rating"] == 1
        else:
            assert row["raw"] in wrong[row["reason"]]
            assert text[row["offset"] :].startswith(row["raw"].encode())


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("listener", None, "id_missing"),
        ("stars", 7.0, "rating_off_the_scale"),
        ("stars", "many", "rating_not_a_number"),
    ],
)
def test_too_many_wrong_rows_touch_no_table(
    column: str, value: float | str | None, message: str, spark: SparkSession, tmp_path: Path
) -> None:
    rows = half_stars().astype(object)
    rows.loc[:20, column] = value
    asked = settings(
        as_csv(rows, tmp_path, spark), scale={"lowest": 0.5, "highest": 5, "step": 0.5}
    )
    warehouse = Warehouse(tmp_path / "w", asked.raw.place)
    with pytest.raises(DataContractError, match=f"{message}.*max_quarantine_share"):
        ingest.run(spark, warehouse, asked)
    assert warehouse.version("ratings") is None


@pytest.mark.parametrize("form", ["parts", "json", "parquet", "delta"])
def test_a_column_that_is_not_there(form: str, spark: SparkSession, tmp_path: Path) -> None:
    path = FORMS[form](half_stars(), tmp_path, spark)
    asked = settings(path, raw={"columns": COLUMNS | {"item": "song"}})
    with pytest.raises(SettingsError, match=r"raw\.columns\.item=song; it has track, stars"):
        ingested(spark, tmp_path / "w", asked)
    with pytest.raises(SettingsError, match=r"which column is the user\? It has track"):
        ingested(spark, tmp_path / "w", settings(path, raw={"columns": {"rating": "stars"}}))


def test_ratings_without_a_scale(spark: SparkSession, tmp_path: Path) -> None:
    rows = half_stars()
    rows["stars"] = np.random.default_rng(1).random(len(rows))
    with pytest.raises(DataContractError, match=r"ratings\.csv: .*state the scale"):
        ingested(spark, tmp_path / "w", settings(as_csv(rows, tmp_path, spark)))


def test_a_split_that_nothing_tells(spark: SparkSession, tmp_path: Path) -> None:
    path = as_csv(half_stars().drop(columns="at"), tmp_path, spark)
    columns = {name: COLUMNS[name] for name in ("user", "item", "rating")}
    for by, way in (("time", r"raw\.columns\.time"), ("files", r"raw\.columns\.split")):
        with pytest.raises(SettingsError, match=way):
            ingested(
                spark, tmp_path / "w", settings(path, raw={"columns": columns}, split={"by": by})
            )


def test_a_damaged_parquet_file(spark: SparkSession, tmp_path: Path) -> None:
    path = as_parquet(half_stars(), tmp_path, spark)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:40] + bytes(400) + whole[440:]):
        path.write_bytes(damaged)
        with pytest.raises(DataContractError, match=r"ratings\.parquet: cannot be read"):
            ingested(spark, tmp_path / "w", settings(path))


def test_movielens_by_its_layout_and_as_a_table(spark: SparkSession, tmp_path: Path) -> None:
    rows = half_stars(seed=3)
    ids = rows.assign(
        track=rows["track"].str[3:5].astype(int) * 7, listener=rows["listener"].str[1:]
    )
    folder = tmp_path / "ml"
    folder.mkdir()
    named = ids.rename(
        columns={"listener": "userId", "track": "movieId", "stars": "rating", "at": "timestamp"}
    )
    order = ["userId", "movieId", "rating", "timestamp"]
    named[order].to_csv(folder / "ratings.csv", index=False)
    films = "".join(
        f'{7 * film},"Film, {film} (19{film + 10})",Drama|Crime\n' for film in range(45)
    )
    (folder / "movies.csv").write_text("movieId,title,genres\n" + films)
    asked = Settings.model_validate({"raw": {"source": "auto", "path": str(folder)}})
    one, told = ingested(spark, tmp_path / "one", asked)
    assert told.source == "MovieLens, ratings.csv and movies.csv"
    items = {"path": str(folder / "movies.csv")}
    raw = {"source": "table", "path": str(folder / "ratings.csv"), "items": items}
    other, again = ingested(spark, tmp_path / "two", Settings.model_validate({"raw": raw}))
    assert again.splits == told.splits
    assert one.load("songs").num_rows == 45
    assert one.load("song_ids")["title"].to_pylist() == other.load("song_ids")["title"].to_pylist()
    assert one.load("genres")["name"].to_pylist() == ["Unknown", "Crime", "Drama"]
    assert other.load("genres")["name"].to_pylist() == ["Unknown", "Crime", "Drama"]


def test_r2s_files_say_themselves_what_is_held_out(
    spark: SparkSession, summarized: Warehouse
) -> None:
    asked = Settings.model_validate(
        {"raw": {"source": "auto", "path": str(summarized.raw)}, "split": {"by": "hash"}}
    )
    with pytest.raises(SettingsError, match=r"split\.by=hash: the files of .* say themselves"):
        ingest.run(spark, summarized, asked)


def test_the_certificate_has_columns_and_split_but_no_places(tmp_path: Path) -> None:
    asked = settings(tmp_path / "a.csv", raw={"items": {"path": str(tmp_path / "b.csv")}})
    values = asked.governing()
    assert values["raw"]["columns"]["user"] == "listener"
    assert str(tmp_path) not in json.dumps({k: values[k] for k in ("raw", "split")})
    moved = settings(tmp_path / "c.csv", raw={"items": {"path": str(tmp_path / "d.csv")}})
    assert moved.governing() == values
    assert cli.warehouse_of(asked).raw == tmp_path / "a.csv"


def test_a_new_content_of_a_table_or_its_items_is_noticed(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("1")
    warehouse = Warehouse(tmp_path / "w", tmp_path / "a.csv", tmp_path / "b.csv")
    states = [warehouse.state("raw/")]
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("1234")
        states.append(warehouse.anew().state("raw/"))
    assert len({*states}) == 3
    (tmp_path / "b.csv").unlink()
    assert warehouse.state("raw/") is None


def test_a_table_that_changes_while_it_is_read(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = as_csv(half_stars(), tmp_path, spark)
    audit = ingestion.audited

    def appended(*arguments: Any) -> ingestion.Audited:
        found = audit(*arguments)
        path.write_text(path.read_text() + "x,3,u1,n,5\n")
        return found

    monkeypatch.setattr(ingestion, "audited", appended)
    warehouse = Warehouse(tmp_path / "w", path)
    with pytest.raises(DataContractError, match="changed while it was read"):
        ingest.run(spark, warehouse, settings(path))
    assert warehouse.version("ratings") is None


def test_a_cut_compressed_file(spark: SparkSession, tmp_path: Path) -> None:
    folder = as_parts(half_stars(), tmp_path, spark)
    whole = (folder / "b.csv.gz").read_bytes()
    (folder / "b.csv.gz").write_bytes(whole[: len(whole) - 30])
    with pytest.raises(DataContractError, match=r"b\.csv\.gz: cannot be read"):
        ingested(spark, tmp_path / "w", settings(folder))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"columns": {"user": "u"}}, "raw.columns: .* is of folder, whose files say it themselves"),
        ({"items": {"path": "songs.csv"}}, "raw.items"),
        ({"header": False}, "raw.header"),
    ],
)
def test_nothing_is_said_of_a_source_that_says_it_itself(
    given: dict[str, Any], message: str, spark: SparkSession, summarized: Warehouse
) -> None:
    raw = {"source": "auto", "path": str(summarized.raw)} | given
    with pytest.raises(SettingsError, match=message):
        ingest.run(spark, summarized, Settings.model_validate({"raw": raw}))


def test_columns_by_place_without_a_line_of_names(
    from_csv: tuple[Warehouse, Ingested], spark: SparkSession, tmp_path: Path
) -> None:
    half_stars().to_csv(tmp_path / "ratings.csv", index=False, header=False)
    columns = {"item": 1, "rating": 2, "user": 3, "time": 5}
    asked = settings(tmp_path / "ratings.csv", raw={"columns": columns, "header": False})
    assert ingested(spark, tmp_path / "w", asked)[1].splits == from_csv[1].splits
