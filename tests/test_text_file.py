from collections.abc import Callable
from pathlib import Path

import pytest

from ymr_spark import text_file
from ymr_spark.errors import SettingsError
from ymr_spark.pipeline import id_files
from ymr_spark.pipeline.own_ids import OwnIds
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.runtime import session

NUMBERS = OwnIds.of(Warehouse(Path("/no/warehouse")))
LATIN = "1 2\n3 4 né\n".encode("latin-1")


def test_the_mark_of_utf_8_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "users.txt"
    path.write_bytes("7\n".encode("utf-8-sig"))
    assert text_file.read(path, "") == "7\n"


@pytest.mark.parametrize(
    "read",
    [
        lambda path: id_files.pairs(path, NUMBERS),
        lambda path: id_files.users(path, NUMBERS.users),
        session._act_as_spark_submit,
    ],
)
def test_what_users_write_is_utf_8(tmp_path: Path, read: Callable[[Path], object]) -> None:
    path = tmp_path / "latin.txt"
    with pytest.raises(SettingsError, match=r"latin\.txt: cannot be read \(No such file"):
        read(path)
    path.write_bytes(LATIN)
    with pytest.raises(SettingsError, match=r"latin\.txt, line 2: not UTF-8"):
        read(path)
