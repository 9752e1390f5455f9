import pyarrow as pa
import pytest

from ymr_spark.errors import DataContractError
from ymr_spark.sources.table import numbering
from ymr_spark.sources.table.numbering import numbered


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        # whole numbers by their size
        (["10", "9", "100", "0", "-3", "-20"], ["-20", "-3", "0", "9", "10", "100"]),
        (["999999999999999999", "1000"], ["1000", "999999999999999999"]),
        # texts by their bytes: as soon as one is no number as people write them
        (["10", "9", "007"], ["007", "10", "9"]),
        (["10", "9", "a"], ["10", "9", "a"]),
        (["10", "9", "-0"], ["-0", "10", "9"]),
        (["10", "9", "+1"], ["+1", "10", "9"]),
        (["10", "9", "1.0"], ["1.0", "10", "9"]),
        (["10", "9", " 1"], [" 1", "10", "9"]),
        (["10", "9", "1\n"], ["1\n", "10", "9"]),
        (["10", "9", "1000000000000000000000"], ["10", "1000000000000000000000", "9"]),
        (["-3", "-20", "x"], ["-20", "-3", "x"]),
        # U+FF5E is EF BD 9E, U+1F600 F0 9F 98 80; UTF-16 has them the other way round
        (["\U0001f600", "\uff5e", "é", "z", "Z"], ["Z", "z", "é", "\uff5e", "\U0001f600"]),
        ([], []),
    ],
)
def test_the_order_of_ids(ids: list[str], expected: list[str]) -> None:
    for given in (ids, ids[::-1]):
        assert numbered(pa.array(given, pa.string()), "users").to_pylist() == expected


def test_more_ids_than_models_can_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering, "MAX_ID", 2)
    assert len(numbered(pa.array(["a", "b", "c"]), "users")) == 3
    with pytest.raises(DataContractError, match="4 different songs: at most 3 can be indexed"):
        numbered(pa.array(["a", "b", "c", "d"]), "songs")
