"""Which names in a folder are R2's files, and which somebody may have meant for them."""

import re

SONGS, GENRES = "song-attributes.txt", "genre-hierarchy.txt"
COMPRESSIONS = ("", ".gz", ".bz2")
EXPECTED = (
    "train_N.txt and test_N.txt (or train-N.txt, N of up to 9 digits), "
    f"{SONGS} and {GENRES}, plain, .gz or .bz2"
)

_RATINGS = re.compile(r"(train|test)[_-]([0-9]{1,9})\.txt(\.gz|\.bz2)?")
_ATTRIBUTES = {name + suffix for name in (SONGS, GENRES) for suffix in COMPRESSIONS}
_TRUTH = re.compile(r"truth\.json|truth_.*\.parquet")
_DATA = r"\.(txt|csv|tsv|dat|data|json|parquet|tar|tgz|gz|bz2|xz|zst|zip|7z|rar)\b.*"
# TRAIN_1.TXT, train1.csv, train_1.txt.xz, "Copy of test (1).txt", .train_1.txt.part, train.csv,
# train-part-00001, trainIdx1.txt, 1_train.txt, song_attributes.txt.zip
_ALIKE = re.compile(
    r"(.*[^a-z])?(train(ing)?|test)"
    rf"([^a-z\d]*(part|set|data|file|idx|ratings)?[^a-z\d]*\d.*|({_DATA})?)"
    r"|(.*[^a-z])?\d[^a-z\d]*(train|test)([^a-z].*)?"
    r"|.*(song[^a-z]?attribute|genre[^a-z]?hierarch).*",
    re.DOTALL,
)
_CLUTTER = re.compile(r"\.ds_store|thumbs\.db|desktop\.ini|\._.*|\..*\.crc", re.DOTALL)
# What file systems and checksums leave beside a file.
_BESIDE = re.compile(r"\._.*|.*\.(crc|md5|sha1|sha256|sha512|asc|sig)", re.DOTALL)


def of_ratings(name: str) -> tuple[str, int] | None:
    """train or test and the part's number; None for another name."""
    match = _RATINGS.fullmatch(name)
    return (match[1], int(match[2])) if match else None


def is_taken(name: str) -> bool:
    """Whether it is one of R2's files."""
    return of_ratings(name) is not None or name in _ATTRIBUTES


def is_stranger(name: str) -> bool:
    """Whether it is none of R2's files but looks like one: left out, it might be missed."""
    low = name.lower()
    return not is_taken(name) and bool(_ALIKE.fullmatch(low)) and not _BESIDE.fullmatch(low)


def is_truth(name: str) -> bool:
    """Whether it is part of the planted truth, beside R2's files."""
    return bool(_TRUTH.fullmatch(name))


def is_clutter(name: str) -> bool:
    """Whether a file system or its browser left it, so that nobody misses it."""
    return bool(_CLUTTER.fullmatch(name.lower()))
