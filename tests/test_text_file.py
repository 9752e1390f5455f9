import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs import predict
from ymr_spark import text_file
from ymr_spark.errors import SettingsError
from ymr_spark.lists import audience
from ymr_spark.runtime import session

LATIN = "1 2\n3 4 né\n".encode("latin-1")


def test_the_mark_of_utf_8_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "users.txt"
    path.write_bytes("7\n".encode("utf-8-sig"))
    assert text_file.read(path, "") == "7\n"


@pytest.mark.parametrize(
    ("read", "error"),
    [
        (lambda path: predict._read(str(path)), argparse.ArgumentTypeError),
        (audience._user_ids, SettingsError),
        (session._act_as_spark_submit, SettingsError),
    ],
)
def test_what_users_write_is_utf_8(
    tmp_path: Path, read: Callable[[Path], object], error: type[Exception]
) -> None:
    path = tmp_path / "latin.txt"
    with pytest.raises(error, match=r"latin\.txt: cannot be read \(No such file"):
        read(path)
    path.write_bytes(LATIN)
    with pytest.raises(error, match=r"latin\.txt, line 2: not UTF-8"):
        read(path)
