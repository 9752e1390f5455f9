from pathlib import Path

import pytest

from jobs import predict
from ymr_spark import ids
from ymr_spark.errors import SettingsError
from ymr_spark.lists import audience


@pytest.mark.parametrize(("word", "value"), [("0", 0), ("007", 7), ("2147483647", ids.LARGEST)])
def test_ids(word: str, value: int) -> None:
    assert ids.parse(word) == value


WRONG = ["", "-5", "1.0", "1e3", "²", "2147483648", "1" * 23, "9" * 5000, "1_000"]


@pytest.mark.parametrize("word", WRONG)
def test_what_is_no_id(word: str) -> None:
    with pytest.raises(ValueError, match=r"from 0 to 2147483647, found '.{0,41}'$"):
        ids.parse(word)


@pytest.mark.parametrize("word", WRONG[1:])
def test_a_wrong_id_is_a_usage_error(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = tmp_path / "pairs.txt"
    pairs.write_text(f"1 2\n3 {word}\n")
    for arguments in (["--user", "1", "--song", word], ["--pairs", str(pairs)]):
        with pytest.raises(SystemExit) as ended:
            predict.main(["--conf", "conf/sample.yaml", *arguments])
        assert ended.value.code == 2
        assert "whole number" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "found nothing"),
        (b"5\n" + b"9" * 5000, "line 2: .*whole number"),
        (b"5\n\xe9\n", "line 2: not UTF-8"),
    ],
)
def test_users_that_are_no_ids(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "users.txt"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=words):
        audience._user_ids(path)


def test_a_list_of_ids_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_bytes(b"\xef\xbb\xbf7 8\r\n9 10\n")
    assert ids.lines(path, "") == [["7", "8"], ["9", "10"]]
    assert audience._user_ids(path) == [7, 8, 9, 10]
    assert predict._read(str(path)) == [(7, 8), (9, 10)]
