"""What summarize writes."""

from pyspark.sql import types as T

from ymr_spark.schemas.column_types import DOUBLE, INT, LONG, STRING, table

# The summaries' splits are train, validation, test, and train_files: train and validation
# together. The two tables of counts have the first three only.
# How often each rating of the scale was given, the lowest first.
COUNTS = T.ArrayType(LONG)

# One row per (split, user_id): how often the user gave each rating, which is the user's lean.
SUMMARY_USERS = table(("split", STRING), ("user_id", INT), ("counts", COUNTS))

# One row per (split, song_id).
SUMMARY_SONGS = table(
    ("split", STRING),
    ("song_id", INT),
    ("counts", COUNTS),
    ("rater_activity", LONG),  # train-file ratings of each rater, summed over the song's ratings
)

# One row per (split, genre_id, rating) that occurs.
SUMMARY_GENRE_RATINGS = table(
    ("split", STRING),
    ("rating", DOUBLE),  # stars
    ("genre_id", INT),
    ("parent_genre_id", INT),
    ("level", INT),
    ("top_genre_id", INT),
    ("name", STRING),
    ("count", LONG),
)

# One row per (split, column): the describe table, over the ratings joined with their genres.
SUMMARY_COLUMNS = table(
    ("split", STRING),
    ("column", STRING),  # rating, genre_id, parent_genre_id or level
    ("count", LONG),
    ("mean", DOUBLE),
    ("stddev", DOUBLE),  # of the sample; null for a single row
    ("min", DOUBLE),
    ("q25", DOUBLE),
    ("q50", DOUBLE),
    ("q75", DOUBLE),
    ("max", DOUBLE),
)

# One row per (split, column, value).
SUMMARY_VALUES = table(
    ("split", STRING),
    ("column", STRING),  # rating or level
    ("value", DOUBLE),
    ("count", LONG),
    ("share", DOUBLE),
)

# One row per (split, grain, genre_id).
SUMMARY_GENRES = table(
    ("split", STRING),
    ("grain", STRING),  # own: songs of exactly this genre; top: of it and all genres below it
    ("genre_id", INT),
    ("parent_genre_id", INT),
    ("top_genre_id", INT),
    ("level", INT),
    ("name", STRING),
    ("songs", LONG),  # in the catalogue, rated or not
    ("count", LONG),  # ratings
    ("mean", DOUBLE),  # stars; null without ratings
)

# One row per (split, rating, rank).
SUMMARY_TOP_GENRES = table(
    ("split", STRING),
    ("rating", DOUBLE),  # stars
    ("rank", INT),  # 1..10
    ("genre_id", INT),
    ("name", STRING),
    ("count", LONG),
)

# One row per (split, column, other).
SUMMARY_CORRELATIONS = table(
    ("split", STRING),
    ("column", STRING),
    ("other", STRING),
    ("correlation", DOUBLE),  # Pearson's, over ratings; null where a column does not vary
)

# One row per (split, side, ratings).
SUMMARY_TAILS = table(
    ("split", STRING),
    ("side", STRING),  # user or song
    ("ratings", LONG),
    ("members", LONG),  # users or songs with that many ratings
)

# One row per (split, side).
SUMMARY_CONCENTRATION = table(
    ("split", STRING),
    ("side", STRING),
    ("members", LONG),  # with a rating in the split
    ("ratings", LONG),
    ("mean", DOUBLE),  # ratings a member
    ("median", DOUBLE),
    ("max", LONG),
    ("gini", DOUBLE),  # 0: all alike; 1: one member has everything
    ("top_share", DOUBLE),  # of the ratings, held by the most active 1 %
)

# One row per (split, rating, percent).
SUMMARY_LEAN = table(
    ("split", STRING),
    ("rating", DOUBLE),  # stars, the lowest or the highest of the scale
    ("percent", INT),  # of a user's ratings that have this value, rounded down
    ("users", LONG),
)
