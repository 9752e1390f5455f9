"""Small folders of R2's layout for tests."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ymr_spark.sources.reasons import Reason

GENRES = b"0\t0\t1\tUnknown\n1\t1\t1\tRock\n2\t1\t2\tHard Rock\n3\t2\t3\tStoner Rock\n"
SONGS = 500  # 0..499
_PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
}


def write(
    folder: Path,
    train: bytes,
    test: bytes,
    part: int = 0,
    suffix: str = "",
    separator: str = "_",
    songs: int = SONGS,
) -> Path:
    """One part and the attribute files."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, text in (("train", train), ("test", test)):
        packed = _PACKED[suffix](text)
        (folder / f"{kind}{separator}{part}.txt{suffix}").write_bytes(packed)
    attributes = "".join(
        f"{song}\t{song // 10}\t{song // 50}\t{song % 4}\n" for song in range(songs)
    )
    (folder / "song-attributes.txt").write_text(attributes)
    (folder / "genre-hierarchy.txt").write_bytes(GENRES)
    return folder


def ratings(
    users: int, per_user: int, seed: int, first_user: int = 0
) -> tuple[list[bytes], list[bytes]]:
    """Lines of train (about `per_user` a user) and test (10), ascending, songs 0..498."""
    random = np.random.default_rng(seed)
    train, test = [], []
    for user in range(first_user, first_user + users):
        size = int(random.integers(per_user // 2, per_user * 3 // 2 + 1)) + 10
        songs = random.choice(SONGS - 1, size, replace=False)
        lines = [b"%d\t%d\t%d\n" % (user, song, random.integers(1, 6)) for song in songs]
        in_order = sorted(zip(songs[10:], lines[10:], strict=True))
        train += [line for _, line in in_order]
        test += [line for _, line in sorted(zip(songs[:10], lines[:10], strict=True))]
    return train, test


# Lines that are wrong by themselves, for each reason; {n} makes them distinct.
FAULTS: dict[Reason, list[str]] = {
    Reason.NUL_BYTE: ["{n}\t1\0\t3", "\0{n}"],
    Reason.FIELDS: ["{n}\t1", "{n}\t1\t3\t4", "", "{n},1,3", "{n} 1 3"],
    Reason.NOT_AN_INTEGER: ["{n}\tx\t3", "\t1\t3", "{n}.5\t1\t3", "+{n}\t1\t3"],
    Reason.ID_RANGE: [
        "-{n}\t1\t3",
        "16777216\t1\t3",
        "{n}\t99999999999999999999\t3",
        "4294967296\t1\t3",
    ],
    Reason.NOT_A_NUMBER: ["{n}\t1\tfive", "{n}\t1\tNaN", "{n}\t1\t", "{n}\t1\t4,5", "{n}\t1\t."],
    Reason.OFF_SCALE: ["{n}\t1\t0", "{n}\t1\t6", "{n}\t1\t4.7", "{n}\t1\t255"],
    Reason.UNKNOWN_SONG: ["{n}\t500\t3", "{n}\t136736\t5"],
}


def faulty(reason: Reason, n: int) -> bytes:
    """The n-th line of that reason, without line feed."""
    if reason is Reason.BAD_UTF8:
        return b"%d\t\xff\xfe\t3" % n
    shapes = FAULTS[reason]
    return shapes[n % len(shapes)].format(n=n).encode()
