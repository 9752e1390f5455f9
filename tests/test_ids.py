from pathlib import Path

import pytest

from jobs import predict
from ymr_spark import ids


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
    shared = ["--conf", "conf/sample.yaml", "--set", f"warehouse={tmp_path}"]
    for arguments in (["--user", "1", "--song", word], ["--pairs", str(pairs)]):
        assert predict.main([*shared, *arguments]) == 2
        assert "whole number" in capsys.readouterr().err
