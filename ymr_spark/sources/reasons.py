"""Why lines and rows are in quarantine; docs/ingest.md has the rules."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a line is in quarantine, in order of precedence."""

    FORGOTTEN = "user_forgotten"
    NUL_BYTE = "nul_byte"
    BAD_UTF8 = "bad_utf8"
    FIELDS = "wrong_number_of_fields"
    NO_ID = "id_missing"
    NOT_AN_INTEGER = "id_not_an_integer"
    ID_RANGE = "id_out_of_range"
    NOT_A_NUMBER = "rating_not_a_number"
    OFF_SCALE = "rating_off_the_scale"
    NO_TIME = "time_missing"
    NO_SPLIT = "neither_train_nor_test"
    UNKNOWN_SONG = "unknown_song"
    DUPLICATE = "duplicate"
    TRAIN_AND_TEST = "in_train_and_test"


def text_fault(line: bytes) -> Reason | None:
    """Why a line is no text."""
    if b"\0" in line:
        return Reason.NUL_BYTE
    try:
        line.decode()
    except UnicodeDecodeError:
        return Reason.BAD_UTF8
    return None
