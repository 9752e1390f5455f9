from pathlib import Path

import pytest

from ymr_spark.errors import SettingsError
from ymr_spark.sources.forgotten import NOBODY, Forgotten


@pytest.mark.parametrize(
    "raw",
    ["7\tx\t3", "007\t1\t9", "\0007\t1", '{"user": "ann", "rating": null}', "ann,12,none", "a b;3"],
)
def test_no_text_names_them(raw: str) -> None:
    assert Forgotten(frozenset({"7", "ann", "a b"})).kept(raw) == ""


@pytest.mark.parametrize("raw", ["17\tx\t3", "70\t1\t7.5", "anna,12,none", "ab;3", ""])
def test_others_keep_theirs(raw: str) -> None:
    assert Forgotten(frozenset({"7", "ann", "a b"})).kept(raw) == raw
    assert NOBODY.kept("7\tx\t3") == "7\tx\t3"


def test_a_file_has_an_id_a_line(tmp_path: Path) -> None:
    path = tmp_path / "forgotten"
    path.write_text("7\n\na b\r\nann")
    found = Forgotten.of_file(path)
    assert found.ids == {"7", "a b", "ann"}
    assert found.numbers == {7}
    with pytest.raises(SettingsError, match=r"raw\.forgotten takes a file"):
        Forgotten.of_file(tmp_path / "none")
