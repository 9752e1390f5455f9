"""Files of users' and songs' own ids that users write."""

from ymr_spark import text_file
from ymr_spark.errors import SettingsError
from ymr_spark.pipeline.own_ids import OwnIds, Side
from ymr_spark.store.locations import Location

_MOST_PAIRS = 10_000


def users(path: Location, own: Side) -> list[int]:
    """The numbers of the users in a file, ascending: an own id a line, blanks and all; numbers
    may be several a line.

    Raises:
        SettingsError: the file cannot be read, or has no user's id in some line.
    """
    lines = text_file.read(path, "recommend.users takes a file of user ids").splitlines()
    found = [
        (number, word)
        for number, line in enumerate(lines, start=1)
        for word in (line.split() if not own.given or not line.strip() else [line])
    ]
    if not found:
        raise SettingsError(f"recommend.users={path}: expected a user id a line, found nothing")
    words = [word for _, word in found]

    def place(position: int) -> str:
        return f"recommend.users={path}, line {found[position][0]}: a user id a line"

    return sorted({*own.numbers(words, place)})


def pairs(path: Location, own: OwnIds) -> list[tuple[int, int]]:
    """The numbers of a user and a song a line, between whose own ids is a tab, or else blanks.

    Raises:
        SettingsError: the file cannot be read, has none or too many lines, or something else in
            one of them.
    """
    lines = text_file.read(path, "--pairs takes a file of ids").splitlines()
    if not 1 <= len(lines) <= _MOST_PAIRS:
        raise SettingsError(f"{path}: {len(lines)} pairs, expected 1 to {_MOST_PAIRS:,}")

    def place(position: int) -> str:
        return f"{path}, line {position + 1}: expected a user id and a song id"

    words = [line.split("\t") if own.given and "\t" in line else line.split() for line in lines]
    if wrong := [i for i, found in enumerate(words) if len(found) != 2]:
        raise SettingsError(f"{place(wrong[0])}, found {words[wrong[0]]}")
    of_users, of_songs = zip(*words, strict=True)
    numbers = own.users.numbers(of_users, place), own.songs.numbers(of_songs, place)
    return list(zip(*numbers, strict=True))
