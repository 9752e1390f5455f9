"""Numbers of own ids and own ids of numbers, in lists that users write."""

from pathlib import Path

import pytest
from own_ids import SONGS, fill

from ymr_spark.errors import SettingsError
from ymr_spark.pipeline import id_files
from ymr_spark.pipeline.own_ids import OwnIds
from ymr_spark.pipeline.warehouse import Warehouse


@pytest.fixture
def own(warehouse: Warehouse) -> OwnIds:
    fill(warehouse)
    return OwnIds.of(Warehouse(warehouse.root))


@pytest.fixture(params=["no tables", "no rows"])
def none(warehouse: Warehouse, request: pytest.FixtureRequest) -> OwnIds:
    """Of R2's layout."""
    if request.param == "no rows":
        for table in ("user_ids", "song_ids"):
            warehouse.save([], table)
    return OwnIds.of(Warehouse(warehouse.root))


def test_numbers_of_own_ids_and_back(own: OwnIds) -> None:
    assert own.given
    assert own.users.numbers(["Ann Lee", "zoe", "7", "zoe"], str) == [2, 0, 1, 0]
    assert own.songs.numbers(["sé"], str) == [2]
    assert {row["user_id"]: row["id"] for row in own.users.rows([2, 1])} == {1: "7", 2: "Ann Lee"}
    (row,) = own.songs.rows([0])
    assert (row["id"], row["title"], row["artist"]) == SONGS[0]
    assert own.songs.rows([99]) == own.songs.rows([]) == []


def test_an_unknown_own_id_is_named_with_its_place_and_table(own: OwnIds) -> None:
    with pytest.raises(SettingsError, match=r"^line 1: no user has the id 'Zoe'; .*user_ids$"):
        own.users.numbers(["zoe", "Zoe"], lambda i: f"line {i}")
    with pytest.raises(SettingsError, match=r"no song has the id '0'; .*song_ids$"):
        own.songs.numbers(["0"], str)


def test_without_own_ids_the_numbers_are_they(none: OwnIds) -> None:
    assert not none.given
    assert none.users.numbers(["7", "999999"], str) == [7, 999_999]
    assert none.users.rows([7]) == none.songs.rows([7]) == []
    with pytest.raises(SettingsError, match=r"^here: expected a whole number .* found 'zoe'$"):
        none.songs.numbers(["zoe"], lambda _: "here")


def test_own_ids_of_one_side_only(warehouse: Warehouse) -> None:
    fill(warehouse)
    warehouse.save([], "user_ids")
    own = OwnIds.of(Warehouse(warehouse.root))
    assert own.given
    assert own.users.numbers(["5"], str) == [5]
    assert own.songs.numbers(["=s2"], str) == [1]


def test_a_file_of_pairs_of_own_ids(own: OwnIds, tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("zoe =s2\nAnn Lee\ts 1\n7\tsé\n")
    assert id_files.pairs(path, own) == [(0, 1), (2, 0), (1, 2)]
    for line, words in (
        ("Ann Lee s 1", r"found \['Ann', 'Lee', 's', '1'\]"),
        ("zoe\t=s2\t", "found"),
        ("zoe nothing", "no song has the id 'nothing'"),
        ("nobody =s2", "no user has the id 'nobody'"),
    ):
        path.write_text(f"zoe =s2\n{line}\n")
        with pytest.raises(SettingsError, match=rf"pairs\.txt, line 2: .*{words}"):
            id_files.pairs(path, own)
    path.write_text("")
    with pytest.raises(SettingsError, match="0 pairs, expected 1 to 10,000"):
        id_files.pairs(path, own)


def test_a_file_of_users_by_own_ids(own: OwnIds, tmp_path: Path) -> None:
    path = tmp_path / "users.txt"
    path.write_text("Ann Lee\n\nzoe\nAnn Lee\n")
    assert id_files.users(path, own.users) == [0, 2]
    path.write_text("zoe\n \nann\n")
    with pytest.raises(SettingsError, match=r"users\.txt, line 3: .*no user has the id 'ann'"):
        id_files.users(path, own.users)
    path.write_text("\n \n")
    with pytest.raises(SettingsError, match="found nothing"):
        id_files.users(path, own.users)


def test_files_of_numbers(none: OwnIds, tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_bytes(b"\xef\xbb\xbf7 8\r\n9\t10\n")
    assert id_files.users(path, none.users) == [7, 8, 9, 10]
    assert id_files.pairs(path, none) == [(7, 8), (9, 10)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "found nothing"),
        (b"5\n" + b"9" * 5000, "line 2: .*whole number"),
        (b"5\n\xe9\n", "line 2: not UTF-8"),
    ],
)
def test_users_that_are_no_numbers(
    none: OwnIds, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "users.txt"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=words):
        id_files.users(path, none.users)
