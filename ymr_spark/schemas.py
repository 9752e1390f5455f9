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
    ("mean", DOUBLE),  # added to every score
    ("lowest", DOUBLE),  # stars; where a prediction ends
    ("highest", DOUBLE),
    ("link", STRING),  # how scores become stars: clip or logistic
    ("fallback", STRING),  # the model that scores rows which this one does not know, if any
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

# One row per (model, other, split).
DIFFERENCES = _struct(
    ("model", STRING),
    ("other", STRING),
    ("split", STRING),
    ("difference", DOUBLE),  # the model's MSE less the other's, stars squared
    ("low", DOUBLE),  # 95 % interval, users resampled alike for both
    ("high", DOUBLE),
)

# One row per model that can rank all songs; see recommendation.quality.
RANKING = _struct(
    ("model", STRING),
    ("k", INT),  # songs a list
    ("users", LONG),  # judged: of a seeded sample, those with a liked song in test
    ("recall", DOUBLE),
    ("ndcg", DOUBLE),
    ("coverage", DOUBLE),  # share of the songs with train ratings that is in any list
)

# One row per (model, split, slice, bin) that has rows; see evaluation.slicing.
SLICES = _struct(
    ("model", STRING),
    ("split", STRING),
    # activity and popularity (train ratings of the user, of the song), genre (top level),
    # rating, or prediction, which shows how well the model is calibrated
    ("slice", STRING),
    ("bin", INT),  # in the slice's own order, from 0
    ("label", STRING),
    ("rows", LONG),
    ("mse", DOUBLE),  # stars squared
    ("mse_low", DOUBLE),  # 95 % interval, a user's rows taken as one cluster
    ("mse_high", DOUBLE),
    ("mean_prediction", DOUBLE),  # stars
    ("mean_rating", DOUBLE),  # stars
    ("floor_mse", DOUBLE),  # of planted data, null for slice rating and for validation
)

# One row per (model, split): how each user's held-out songs are put in order; see
# evaluation.ordering. Means over users, with 95 % intervals.
ORDERS = _struct(
    ("model", STRING),
    ("split", STRING),
    ("k", INT),  # of NDCG
    ("ndcg_users", LONG),
    ("ndcg", DOUBLE),
    ("ndcg_low", DOUBLE),
    ("ndcg_high", DOUBLE),
    ("pairwise_users", LONG),  # with two different ratings
    ("pairwise", DOUBLE),  # share of pairs with different ratings that are in the right order
    ("pairwise_low", DOUBLE),
    ("pairwise_high", DOUBLE),
)

# One row per (model, train_rows): the test error of a model fitted to a part of the train rows.
BY_SIZE = _struct(
    ("model", STRING),
    ("train_rows", LONG),
    ("train_hash", STRING),  # of the part, as warehouse.identity
    ("mse", DOUBLE),  # stars squared, over all test rows
    ("fit_seconds", DOUBLE),
)

# One row per (user_id, rank).
RECOMMENDATIONS = _struct(
    ("user_id", INT),
    ("rank", INT),  # from 1
    ("song_id", INT),
    ("score", DOUBLE),  # what songs are ordered by: stars, or logits where the link is logistic
    ("reason", STRING),
    ("model", STRING),
    ("train_hash", STRING),
)

USER_FACTORS = _struct(("user_id", INT), ("offset", DOUBLE), ("factors", FACTORS))
SONG_FACTORS = _struct(("song_id", INT), ("offset", DOUBLE), ("factors", FACTORS))

# Of models of another form, see models.mlp: embeddings, and the layers that score two of them.
USER_EMBEDDINGS = _struct(("user_id", INT), ("embedding", FACTORS))
SONG_EMBEDDINGS = _struct(("song_id", INT), ("embedding", FACTORS))
MLP_LAYERS = _struct(
    ("layer", INT),  # from 1, in the order of their use
    ("kernel", FACTORS),  # (inputs, outputs), row by row
    ("bias", FACTORS),  # (outputs,)
)

# One row per song with train ratings.
SIMILARITY_NEIGHBORS = _struct(
    ("song_id", INT),
    ("neighbor_ids", T.ArrayType(INT)),  # by absolute similarity, the largest first
    ("similarities", FACTORS),  # shrunk adjusted cosine, of either sign; not 0
)

# The summaries' splits are train, validation, test, and train_files: train and validation
# together. The two tables of counts have the first three only.
STAR_COUNTS = tuple((f"stars_{rating}", LONG) for rating in range(1, 6))

# One row per (split, user_id): how often the user gave each rating, which is the user's lean.
SUMMARY_USERS = _struct(("split", STRING), ("user_id", INT), *STAR_COUNTS)

# One row per (split, song_id).
SUMMARY_SONGS = _struct(
    ("split", STRING),
    ("song_id", INT),
    *STAR_COUNTS,
    ("rater_activity", LONG),  # train-file ratings of each rater, summed over the song's ratings
)

# One row per (split, genre_id, rating) that occurs.
SUMMARY_GENRE_RATINGS = _struct(
    ("split", STRING),
    ("rating", INT),
    ("genre_id", INT),
    ("parent_genre_id", INT),
    ("level", INT),
    ("top_genre_id", INT),
    ("name", STRING),
    ("count", LONG),
)

# One row per (split, column): the describe table, over the ratings joined with their genres.
SUMMARY_COLUMNS = _struct(
    ("split", STRING),
    ("column", STRING),  # rating, genre_id, parent_genre_id or level
    ("count", LONG),
    ("mean", DOUBLE),
    ("stddev", DOUBLE),  # of the sample
    ("min", DOUBLE),
    ("q25", DOUBLE),
    ("q50", DOUBLE),
    ("q75", DOUBLE),
    ("max", DOUBLE),
)

# One row per (split, column, value).
SUMMARY_VALUES = _struct(
    ("split", STRING),
    ("column", STRING),  # rating or level
    ("value", INT),
    ("count", LONG),
    ("share", DOUBLE),
)

# One row per (split, grain, genre_id).
SUMMARY_GENRES = _struct(
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
SUMMARY_TOP_GENRES = _struct(
    ("split", STRING),
    ("rating", INT),
    ("rank", INT),  # 1..10
    ("genre_id", INT),
    ("name", STRING),
    ("count", LONG),
)

# One row per (split, column, other).
SUMMARY_CORRELATIONS = _struct(
    ("split", STRING),
    ("column", STRING),
    ("other", STRING),
    ("correlation", DOUBLE),  # Pearson's, over ratings; null where a column does not vary
)

# One row per (split, side, ratings).
SUMMARY_TAILS = _struct(
    ("split", STRING),
    ("side", STRING),  # user or song
    ("ratings", LONG),
    ("members", LONG),  # users or songs with that many ratings
)

# One row per (split, side).
SUMMARY_CONCENTRATION = _struct(
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
SUMMARY_LEAN = _struct(
    ("split", STRING),
    ("rating", INT),  # 1 or 5
    ("percent", INT),  # of a user's ratings that have this value, rounded down
    ("users", LONG),
)

# One row per (model, trial, epoch), by cross-validation on train rows of a sample of users.
SEARCH = _struct(
    ("model", STRING),
    ("trial", INT),  # from 0, in the order tried
    ("parameters", STRING),  # JSON
    ("epoch", INT),  # or iteration, from 1; 1 alone where the model shows none
    ("train_mse", DOUBLE),  # mean over the folds, as the model's training reports it
    ("validation_mse", DOUBLE),  # mean over the folds, of the rows held out
    ("fold_sd", DOUBLE),  # standard deviation of the folds' validation_mse
)

TABLES: dict[str, T.StructType] = {
    "ratings": RATINGS,
    "songs": SONGS,
    "genres": GENRES,
    "quarantine": QUARANTINE,
    "predictions": PREDICTIONS,
    "models": MODELS,
    "metrics": METRICS,
    "differences": DIFFERENCES,
    "ranking": RANKING,
    "slices": SLICES,
    "orders": ORDERS,
    "by_size": BY_SIZE,
    "recommendations": RECOMMENDATIONS,
    "similarity_neighbors": SIMILARITY_NEIGHBORS,
    "summary_users": SUMMARY_USERS,
    "summary_songs": SUMMARY_SONGS,
    "summary_genre_ratings": SUMMARY_GENRE_RATINGS,
    "summary_columns": SUMMARY_COLUMNS,
    "summary_values": SUMMARY_VALUES,
    "summary_genres": SUMMARY_GENRES,
    "summary_top_genres": SUMMARY_TOP_GENRES,
    "summary_correlations": SUMMARY_CORRELATIONS,
    "summary_tails": SUMMARY_TAILS,
    "summary_concentration": SUMMARY_CONCENTRATION,
    "summary_lean": SUMMARY_LEAN,
    "search": SEARCH,
}
# The models whose score is that of models.factors: only they can rank all songs.
DEEP_MODELS = ("two_tower_dot", "two_tower_mlp", "deep_cross")
FACTOR_MODELS = (
    *("constant", "user_lean", "bias", "als", "latent_factor"),
    *("two_tower_dot", "deep_cross"),
)
TABLES |= {
    f"{model}_{side}": schema
    for model in FACTOR_MODELS
    for side, schema in (("users", USER_FACTORS), ("songs", SONG_FACTORS))
}
TABLES |= {
    "two_tower_mlp_users": USER_EMBEDDINGS,
    "two_tower_mlp_songs": SONG_EMBEDDINGS,
    "two_tower_mlp_layers": MLP_LAYERS,
}

PARTITIONS: dict[str, tuple[str, ...]] = {
    "ratings": ("split", "part"),
    "predictions": ("model",),
    "models": ("model",),
    "search": ("model",),
}
