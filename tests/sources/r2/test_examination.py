import numpy as np

from ymr_spark.sources.r2.examination import Examined, Fault, examine
from ymr_spark.sources.r2.parsing import Lines, ParsedRows, parse
from ymr_spark.sources.r2.scale import R2
from ymr_spark.sources.reasons import Reason


def examined(train: bytes, test: bytes, songs: int = 10) -> Examined:
    return examine(
        parse(Lines.of_block(train, file=0, offset=0), R2),
        parse(Lines.of_block(test, file=1, offset=0), R2),
        np.ones(songs, bool),
    )


def values(rows: ParsedRows) -> list[list[int]]:
    listed: list[list[int]] = np.c_[rows.user, rows.song, rows.rating].tolist()
    return listed


def test_the_first_of_duplicates_stays() -> None:
    found = examined(b"1\t4\t2\n1\t3\t5\n1\t4\t3\n1\t4\t2\n", b"1\t5\t1\n1\t5\t2\n")
    assert values(found.train) == [[1, 3, 5], [1, 4, 2]]
    assert values(found.test) == [[1, 5, 1]]
    assert found.faults == (
        Fault(0, 12, "1\t4\t3", Reason.DUPLICATE),
        Fault(0, 18, "1\t4\t2", Reason.DUPLICATE),
        Fault(1, 6, "1\t5\t2", Reason.DUPLICATE),
    )


def test_of_train_and_test_the_test_row_stays() -> None:
    found = examined(b"1\t4\t2\n1\t6\t1\n1\t6\t2\n", b"1\t4\t3\n1\t6\t3\n1\t7\t3\n")
    assert values(found.train) == []
    assert values(found.test) == [[1, 4, 3], [1, 6, 3], [1, 7, 3]]
    assert [(fault.offset, fault.reason) for fault in found.faults] == [
        (0, Reason.TRAIN_AND_TEST),
        (6, Reason.TRAIN_AND_TEST),
        (12, Reason.DUPLICATE),
    ]


def test_unknown_songs_are_no_duplicates() -> None:
    known = np.array([True, False, True])
    train = parse(Lines.of_block(b"1\t0\t2\n1\t1\t1\n1\t1\t1\n1\t3\t1\n", 0, 0), R2)
    found = examine(train, parse(Lines.of_block(b"1\t1\t1\n", 1, 0), R2), known)
    assert values(found.train) == [[1, 0, 2]]
    assert [fault.reason for fault in found.faults] == [Reason.UNKNOWN_SONG] * 4


def test_bytes_that_are_no_text_are_shown() -> None:
    (fault,) = examined(b"1\t\xff\t3\n1\t2\t3\n", b"1\t3\t3\n").faults
    assert fault == Fault(0, 0, "1\t\\xff\t3", Reason.BAD_UTF8)
