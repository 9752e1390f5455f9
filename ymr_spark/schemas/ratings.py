"""What ingest writes."""

from ymr_spark.schemas.column_types import FLOAT, INT, INTS, LONG, STRING, TINY_INTS, table

RATINGS = table(
    ("user_id", INT),
    ("song_id", INT),
    ("rating", FLOAT),  # stars, on the scale in the column's metadata; see ymr_spark.ratings
    ("split", STRING),  # train, validation or test
    ("part", INT),  # N of the file train_N or test_N
)

# The same, a row an owner: a user, whose others are songs, or a song, whose others are users.
PACKED = table(
    ("block", INT),  # that it is read in
    ("owner", INT),
    ("others", INTS),  # ascending
    ("levels", TINY_INTS),  # of the scale, from 0, by other
    ("splits", TINY_INTS),  # place in split.SPLITS, by other
)

SONGS = table(
    ("song_id", INT),
    ("album_id", INT),
    ("artist_id", INT),
    ("genre_id", INT),
)

GENRES = table(
    ("genre_id", INT),
    ("parent_genre_id", INT),  # itself at level 1
    ("level", INT),
    ("name", STRING),
    ("top_genre_id", INT),  # the ancestor at level 1
)

# What the source calls its users and songs; without rows where it calls them by their numbers.
USER_IDS = table(("user_id", INT), ("id", STRING))

SONG_IDS = table(
    ("song_id", INT),
    ("id", STRING),
    ("title", STRING),  # null where the source has none, as artist and album
    ("artist", STRING),
    ("album", STRING),
)

QUARANTINE = table(
    ("file", STRING),  # the file's name
    ("offset", LONG),  # of the line's first byte in the decompressed file
    ("raw", STRING),  # the line; bytes that are no UTF-8 as \\xNN
    ("reason", STRING),
)
