"""One StructType a table: the columns that `warehouse` insists on, their meaning and unit."""

from pyspark.sql import types as T


def _struct(*columns: tuple[str, T.DataType]) -> T.StructType:
    return T.StructType([T.StructField(name, kind) for name, kind in columns])


INT, LONG, BYTE, DOUBLE = T.IntegerType(), T.LongType(), T.ByteType(), T.DoubleType()
STRING, FLAG, FACTORS = T.StringType(), T.BooleanType(), T.ArrayType(T.FloatType())

RATINGS = _struct(
    ("user_id", INT),
    ("song_id", INT),
    ("rating", BYTE),  # stars, 1..5
    ("split", STRING),  # train, validation or test
    ("part", INT),  # N of the file train_N or test_N
)

SONGS = _struct(
    ("song_id", INT),
    ("album_id", INT),
    ("artist_id", INT),
    ("genre_id", INT),
)

GENRES = _struct(
    ("genre_id", INT),
    ("parent_genre_id", INT),  # itself at level 1
    ("level", INT),
    ("name", STRING),
    ("top_genre_id", INT),  # the ancestor at level 1
)

QUARANTINE = _struct(
    ("file", STRING),  # the file's name
    ("offset", LONG),  # of the line's first byte in the decompressed file
    ("raw", STRING),  # the line; bytes that are no UTF-8 as \\xNN
    ("reason", STRING),
)

# One row per (model, split, user_id, song_id).
PREDICTIONS = _struct(
    ("model", STRING),
    ("split", STRING),  # validation or test
    ("user_id", INT),
    ("song_id", INT),
    ("prediction", DOUBLE),  # stars
    ("fallback", FLAG),  # the model could not score the row, another one did
)

# One row per fitted model.
MODELS = _struct(
    ("model", STRING),
    ("mean", DOUBLE),  # stars; added to every score
    ("lowest", DOUBLE),  # scores are bounded to lowest..highest
    ("highest", DOUBLE),
    ("train_rows", LONG),
    ("train_hash", STRING),
    ("ratings_version", LONG),  # Delta version of the ratings table
    ("fit_seconds", DOUBLE),
    ("parameters", STRING),  # JSON
)

# One row per (model, split).
METRICS = _struct(
    ("model", STRING),
    ("split", STRING),
    ("rows", LONG),
    ("mse", DOUBLE),  # stars squared
    ("rmse", DOUBLE),
    ("mae", DOUBLE),
    ("mse_low", DOUBLE),  # 95 % interval, users resampled
    ("mse_high", DOUBLE),
    ("fallback_share", DOUBLE),
)

# One row per (user_id, rank).
RECOMMENDATIONS = _struct(
    ("user_id", INT),
    ("rank", INT),  # from 1
    ("song_id", INT),
    ("score", DOUBLE),  # predicted stars before bounding
    ("reason", STRING),
    ("model", STRING),
    ("train_hash", STRING),
)

USER_FACTORS = _struct(("user_id", INT), ("offset", DOUBLE), ("factors", FACTORS))
SONG_FACTORS = _struct(("song_id", INT), ("offset", DOUBLE), ("factors", FACTORS))

# One row per (split, column): the describe table.
SUMMARY_COLUMNS = _struct(
    ("split", STRING),
    ("column", STRING),
    ("count", LONG),
    ("mean", DOUBLE),
    ("stddev", DOUBLE),
    ("min", DOUBLE),
    ("q25", DOUBLE),
    ("q50", DOUBLE),
    ("q75", DOUBLE),
    ("max", DOUBLE),
)

# One row per (split, rating).
SUMMARY_RATINGS = _struct(("split", STRING), ("rating", INT), ("count", LONG))

# One row per (split, genre_id, rating).
SUMMARY_GENRES = _struct(("split", STRING), ("genre_id", INT), ("rating", INT), ("count", LONG))

TABLES: dict[str, T.StructType] = {
    "ratings": RATINGS,
    "songs": SONGS,
    "genres": GENRES,
    "quarantine": QUARANTINE,
    "predictions": PREDICTIONS,
    "models": MODELS,
    "metrics": METRICS,
    "recommendations": RECOMMENDATIONS,
    "summary_columns": SUMMARY_COLUMNS,
    "summary_ratings": SUMMARY_RATINGS,
    "summary_genres": SUMMARY_GENRES,
}
TABLES |= {
    f"{model}_{side}": schema
    for model in ("constant", "bias", "als", "latent_factor", "two_tower_dot")
    for side, schema in (("users", USER_FACTORS), ("songs", SONG_FACTORS))
}

PARTITIONS: dict[str, tuple[str, ...]] = {
    "ratings": ("split", "part"),
    "predictions": ("model",),
    "models": ("model",),
}
