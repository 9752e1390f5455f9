"""What training jobs write: predictions, the registry, and what each model is made of."""

from pyspark.sql import types as T

from ymr_spark.schemas.column_types import DOUBLE, FACTORS, FLAG, INT, LONG, STRING, table

# One row per (model, split, user_id, song_id).
PREDICTIONS = table(
    ("model", STRING),
    ("split", STRING),  # validation or test
    ("user_id", INT),
    ("song_id", INT),
    ("prediction", DOUBLE),  # stars
    ("fallback", FLAG),  # the model could not score the row, another one did
    ("fitted_to", STRING),  # content hash of the rows that it was fitted to when it predicted
)

# One row per fitted model.
MODELS = table(
    ("model", STRING),
    ("mean", DOUBLE),  # added to every score
    ("lowest", DOUBLE),  # stars; the scale, at whose ends predictions end
    ("highest", DOUBLE),
    ("step", DOUBLE),
    ("link", STRING),  # how scores become stars: clip or logistic
    ("fallback", STRING),  # the model that scores rows which this one does not know, if any
    ("train_rows", LONG),  # that it was fitted to in the end
    ("train_hash", STRING),
    ("chosen_on_rows", LONG),  # that it was fitted to when validation chose it
    ("chosen_on_hash", STRING),
    ("ratings_version", LONG),  # Delta version of the ratings table
    ("fit_seconds", DOUBLE),
    ("parameters", STRING),  # JSON
)

USER_FACTORS = table(("user_id", INT), ("offset", DOUBLE), ("factors", FACTORS))
SONG_FACTORS = table(("song_id", INT), ("offset", DOUBLE), ("factors", FACTORS))

# Of models of another form, see models.mlp: embeddings, and the layers that score two of them.
USER_EMBEDDINGS = table(("user_id", INT), ("embedding", FACTORS))
SONG_EMBEDDINGS = table(("song_id", INT), ("embedding", FACTORS))
MLP_LAYERS = table(
    ("layer", INT),  # from 1, in the order of their use
    ("kernel", FACTORS),  # (inputs, outputs), row by row
    ("bias", FACTORS),  # (outputs,)
)

# One row per song with train ratings.
SIMILARITY_NEIGHBORS = table(
    ("song_id", INT),
    ("neighbor_ids", T.ArrayType(INT)),  # by absolute similarity, the largest first
    ("similarities", FACTORS),  # shrunk adjusted cosine, of either sign; not 0
)

# One row per song of those most rated.
ITEM_WEIGHTS = table(
    ("song_id", INT),
    ("weights", FACTORS),  # of the song for each song of the table, by ascending ids; itself 0
)
