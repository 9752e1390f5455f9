"""What evaluate, compare_by_size, search and recommend write."""

from pyspark.sql import types as T

from ymr_spark.schemas.column_types import DOUBLE, INT, LONG, STRING, table

# One row per (model, split).
METRICS = table(
    ("model", STRING),
    ("split", STRING),
    ("rows", LONG),
    ("mse", DOUBLE),  # stars squared
    ("rmse", DOUBLE),
    ("mae", DOUBLE),
    ("mse_low", DOUBLE),  # 95 % interval, users resampled; null where users are too few
    ("mse_high", DOUBLE),
    ("fallback_share", DOUBLE),
)

# One row per (model, other, split).
DIFFERENCES = table(
    ("model", STRING),
    ("other", STRING),
    ("split", STRING),
    ("difference", DOUBLE),  # the model's MSE less the other's, stars squared
    ("low", DOUBLE),  # 95 % interval, users resampled alike for both; null as above
    ("high", DOUBLE),
)

# How good lists of 100 songs are: means over users, see lists.worth.
_WORTHS = (
    ("users", LONG),  # judged: of a seeded sample, those with a liked song in the split
    ("ndcg_100", DOUBLE),
    ("ndcg_100_low", DOUBLE),  # 95 % interval over users; null where they are too few
    ("ndcg_100_high", DOUBLE),
    ("ndcg_10", DOUBLE),
    ("recall_100", DOUBLE),
    ("recall_20", DOUBLE),
)

# One row per (model, split) of the models that can rank all songs, and of `recommend`, the lists
# that jobs/recommend.py gives.
RANKING = table(
    ("model", STRING),
    ("split", STRING),
    *_WORTHS,
    ("coverage", DOUBLE),  # share of the songs that the model knows that is in any list
    ("novelty", DOUBLE),  # mean of -log2 of the share of users who have rated a listed song
    ("shared", DOUBLE),  # mean share of songs that two users' lists have in common
)

# One row per (model, split, slice, bin): activity is by users' train ratings, popularity has the
# liked songs without ratings alone.
RANKING_SLICES = table(
    ("model", STRING),
    ("split", STRING),
    ("slice", STRING),
    ("bin", INT),
    ("label", STRING),
    *_WORTHS,
)

# One row per model whose scores are chances: how its candidates are put in order with the stars.
LIST_WEIGHTS = table(
    ("model", STRING),
    ("rating_model", STRING),
    ("weight", DOUBLE),  # of a star, in logarithms of chances
    ("ndcg_100", DOUBLE),  # of the validation lists by it
    ("by_weight", T.ArrayType(DOUBLE)),  # the same by each of evaluation.list_weights.WEIGHTS
)

# One row per (model, split, slice, bin) that has rows; see evaluation.slicing.
SLICES = table(
    ("model", STRING),
    ("split", STRING),
    # activity and popularity (train ratings of the user, of the song), genre (top level),
    # rating, or prediction, which shows how well the model is calibrated
    ("slice", STRING),
    ("bin", INT),  # in the slice's own order, from 0
    ("label", STRING),
    ("rows", LONG),
    ("mse", DOUBLE),  # stars squared
    ("mse_low", DOUBLE),  # 95 % interval, a user's rows taken as one cluster; null as above
    ("mse_high", DOUBLE),
    ("mean_prediction", DOUBLE),  # stars
    ("mean_rating", DOUBLE),  # stars
    ("floor_mse", DOUBLE),  # of planted data, null for slice rating and for validation
)

# One row per (model, split): how each user's held-out songs are put in order; see
# evaluation.ordering. Means over users, with 95 % intervals, null where the users are too few.
ORDERS = table(
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
BY_SIZE = table(
    ("model", STRING),
    ("train_rows", LONG),
    ("train_hash", STRING),  # of the part, as ratings.identity
    ("mse", DOUBLE),  # stars squared, over all test rows; null of models that only rank
    ("ndcg_100", DOUBLE),  # of lists, by test rows; null of models that predict stars
    ("fit_seconds", DOUBLE),
)

# One row per (model, trial, epoch), by cross-validation on train rows of a sample of users.
SEARCH = table(
    ("model", STRING),
    ("trial", INT),  # from 0, in the order tried
    ("parameters", STRING),  # JSON
    ("epoch", INT),  # or iteration, from 1; 1 alone where the model shows none
    # Null where a fold's is no finite number:
    ("train_mse", DOUBLE),  # mean over the folds, as the model's training reports it
    ("validation_mse", DOUBLE),  # mean over the folds, of the rows held out
    ("validation_ndcg", DOUBLE),  # at 100, of the lists of models that only rank
    ("fold_sd", DOUBLE),  # standard deviation of the folds' validation errors
)

# One row per (user_id, rank).
RECOMMENDATIONS = table(
    ("user_id", INT),
    ("rank", INT),  # from 1
    ("song_id", INT),
    ("score", DOUBLE),  # what songs are ordered by: stars, or logits where the link is logistic
    ("reason", STRING),
    ("model", STRING),
    ("train_hash", STRING),
)
