from typing import Any

import pyarrow as pa

from ymr_spark.sources.table.items import Items, genre_list, made

KINDS: dict[str, pa.DataType] = {
    **dict.fromkeys(("id", "title", "artist", "album"), pa.string()),
    "genres": pa.list_(pa.string()),
}


def items(rated: list[str], rows: list[dict[str, Any]] | None) -> Items:
    table = None if rows is None else pa.Table.from_pylist(rows, schema=pa.schema(KINDS))
    return made(pa.array(rated, pa.string()), table, "films")


def test_items_are_those_that_are_rated_or_described() -> None:
    found = items(["10", "9"], [{"id": "2", "title": "Two"}, {"id": "10", "title": "Ten"}])
    assert found.ids.to_pylist() == ["2", "9", "10"]
    assert found.names.to_pylist() == [
        {"song_id": 0, "id": "2", "title": "Two", "artist": None, "album": None},
        {"song_id": 1, "id": "9", "title": None, "artist": None, "album": None},
        {"song_id": 2, "id": "10", "title": "Ten", "artist": None, "album": None},
    ]


def test_without_attributes_all_is_unknown() -> None:
    found = items(["b", "a"], None)
    assert found.songs.to_pylist() == [
        {"song_id": 0, "album_id": 0, "artist_id": 0, "genre_id": 0},
        {"song_id": 1, "album_id": 0, "artist_id": 0, "genre_id": 0},
    ]
    assert found.genres.to_pylist() == [
        {"genre_id": 0, "parent_genre_id": 0, "level": 1, "name": "Unknown", "top_genre_id": 0}
    ]
    assert (found.rows.lines, found.rows.kept, found.rows.quarantined) == (0, 0, {})


def test_albums_and_artists_are_numbered_from_1_by_their_names() -> None:
    found = items(
        ["e"],
        [
            {"id": "a", "artist": "Nina", "album": "Zero"},
            {"id": "b", "artist": "Bach", "album": None},
            {"id": "c", "artist": " Nina ", "album": "Alpha"},
            {"id": "d", "artist": " ", "album": "Zero"},
        ],
    )
    assert found.songs["artist_id"].to_pylist() == [2, 1, 2, 0, 0]
    assert found.songs["album_id"].to_pylist() == [2, 0, 1, 2, 0]
    assert found.names["artist"].to_pylist() == ["Nina", "Bach", "Nina", None, None]


def test_an_items_genre_is_its_first_and_the_tree_has_all() -> None:
    genres: list[list[str | None] | None] = [
        ["Rock", "Blues"],
        ["(no genres listed)"],
        ["unknown", "", None, " Jazz ", "Rock"],
        [],
        None,
        ["Unknown"],
    ]
    rows: list[dict[str, Any]] = [
        {"id": str(place), "genres": those} for place, those in enumerate(genres)
    ]
    found = items([], rows)
    assert found.genres["name"].to_pylist() == ["Unknown", "Blues", "Jazz", "Rock"]
    assert found.genres["genre_id"].to_pylist() == [0, 1, 2, 3]
    assert found.genres["top_genre_id"].to_pylist() == [0, 1, 2, 3]
    assert found.genres["parent_genre_id"].to_pylist() == [0, 1, 2, 3]
    assert found.genres["level"].to_pylist() == [1, 1, 1, 1]
    assert found.songs["genre_id"].to_pylist() == [3, 0, 2, 0, 0, 0]


def test_of_several_rows_of_an_item_the_first_stays() -> None:
    rows: list[dict[str, Any]] = [
        {"id": "a", "title": "First", "genres": ["Rock"]},
        {"id": "b", "title": "Other"},
        {"id": "a", "title": "Second", "genres": ["Jazz"]},
        {"id": None, "title": "Nobody's"},
        {"id": " ", "title": "Nobody's"},
        {"id": "a", "title": "Third"},
    ]
    found = items(["a"], rows)
    assert found.ids.to_pylist() == ["a", "b"]
    assert found.names["title"].to_pylist() == ["First", "Other"]
    assert found.genres["name"].to_pylist() == ["Unknown", "Rock"]
    assert (found.rows.lines, found.rows.kept) == (6, 2)
    assert found.rows.quarantined == {"duplicate": 2, "id_missing": 2}
    assert [reason for *_, reason in found.quarantined] == [
        *("duplicate", "id_missing", "id_missing", "duplicate")
    ]
    assert [(file, offset) for file, offset, *_ in found.quarantined] == [("films", None)] * 4
    assert "Second" in found.quarantined[0][2]


def test_texts_are_put_in_one_line() -> None:
    row: dict[str, Any] = {
        "id": "a\tb",
        "title": "\x1b[1mA\r\n\u2028 B\0",
        "album": "\u00a0",
        "genres": ["R\x07B"],
    }
    found = items([], [row])
    assert found.names.to_pylist() == [
        {"song_id": 0, "id": "a\tb", "title": "[1mA B", "artist": None, "album": None}
    ]
    assert found.genres["name"].to_pylist() == ["Unknown", "R B"]


def test_attributes_of_ids_alone() -> None:
    found = made(pa.array(["b"], pa.string()), pa.table({"id": ["a"]}), "films")
    assert found.ids.to_pylist() == ["a", "b"]
    assert found.songs["genre_id"].to_pylist() == [0, 0]


def test_the_types_are_those_of_the_tables() -> None:
    found = items(["a"], [{"id": "a", "artist": "x", "genres": ["Rock"]}])
    assert {field.type for field in found.songs.schema} == {pa.int32()}
    assert [field.type for field in found.names.schema] == [pa.int32(), *[pa.string()] * 4]


def test_lists_of_genres_in_a_text() -> None:
    assert genre_list("Rock|Hip Hop | ", "|") == ["Rock", "Hip Hop", ""]
    assert genre_list("a.b", ".") == ["a", "b"]
    assert genre_list(None, "|") == [""]
