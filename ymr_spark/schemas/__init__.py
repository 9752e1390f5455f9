"""One StructType a table: the columns that `warehouse` insists on, their meaning and unit."""

from pyspark.sql import types as T

from ymr_spark.models import registry
from ymr_spark.schemas.models import (
    ITEM_WEIGHTS,
    MLP_LAYERS,
    MODELS,
    PREDICTIONS,
    SIMILARITY_NEIGHBORS,
    SONG_EMBEDDINGS,
    SONG_FACTORS,
    USER_EMBEDDINGS,
    USER_FACTORS,
)
from ymr_spark.schemas.ratings import (
    GENRES,
    PACKED,
    QUARANTINE,
    RATINGS,
    SONG_IDS,
    SONGS,
    USER_IDS,
)
from ymr_spark.schemas.results import (
    BY_SIZE,
    DIFFERENCES,
    LIST_WEIGHTS,
    METRICS,
    ORDERS,
    RANKING,
    RANKING_SLICES,
    RECOMMENDATIONS,
    SEARCH,
    SLICES,
)
from ymr_spark.schemas.summaries import (
    SUMMARY_COLUMNS,
    SUMMARY_CONCENTRATION,
    SUMMARY_CORRELATIONS,
    SUMMARY_GENRE_RATINGS,
    SUMMARY_GENRES,
    SUMMARY_LEAN,
    SUMMARY_SONGS,
    SUMMARY_TAILS,
    SUMMARY_TOP_GENRES,
    SUMMARY_USERS,
    SUMMARY_VALUES,
)

__all__ = [
    "BY_SIZE",
    "DIFFERENCES",
    "GENRES",
    "ITEM_WEIGHTS",
    "LIST_WEIGHTS",
    "METRICS",
    "MLP_LAYERS",
    "MODELS",
    "ORDERS",
    "PACKED",
    "PARTITIONS",
    "PREDICTIONS",
    "QUARANTINE",
    "RANKING",
    "RANKING_SLICES",
    "RATINGS",
    "RECOMMENDATIONS",
    "SEARCH",
    "SIMILARITY_NEIGHBORS",
    "SLICES",
    "SONGS",
    "SONG_EMBEDDINGS",
    "SONG_FACTORS",
    "SONG_IDS",
    "SUMMARY_COLUMNS",
    "SUMMARY_CONCENTRATION",
    "SUMMARY_CORRELATIONS",
    "SUMMARY_GENRES",
    "SUMMARY_GENRE_RATINGS",
    "SUMMARY_LEAN",
    "SUMMARY_SONGS",
    "SUMMARY_TAILS",
    "SUMMARY_TOP_GENRES",
    "SUMMARY_USERS",
    "SUMMARY_VALUES",
    "TABLES",
    "USER_EMBEDDINGS",
    "USER_FACTORS",
    "USER_IDS",
]

TABLES: dict[str, T.StructType] = {
    "ratings": RATINGS,
    "packed_by_user": PACKED,
    "packed_by_song": PACKED,
    "songs": SONGS,
    "genres": GENRES,
    "user_ids": USER_IDS,
    "song_ids": SONG_IDS,
    "quarantine": QUARANTINE,
    "predictions": PREDICTIONS,
    "models": MODELS,
    "metrics": METRICS,
    "differences": DIFFERENCES,
    "ranking": RANKING,
    "ranking_slices": RANKING_SLICES,
    "list_weights": LIST_WEIGHTS,
    "slices": SLICES,
    "orders": ORDERS,
    "by_size": BY_SIZE,
    "recommendations": RECOMMENDATIONS,
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

_PARTS = {
    "USER_FACTORS": USER_FACTORS,
    "SONG_FACTORS": SONG_FACTORS,
    "USER_EMBEDDINGS": USER_EMBEDDINGS,
    "SONG_EMBEDDINGS": SONG_EMBEDDINGS,
    "MLP_LAYERS": MLP_LAYERS,
    "SIMILARITY_NEIGHBORS": SIMILARITY_NEIGHBORS,
    "ITEM_WEIGHTS": ITEM_WEIGHTS,
}
TABLES |= {
    f"{entry.name}_{part}": _PARTS[schema]
    for entry in registry.MODELS
    for part, schema in entry.form.parts.items()
}

PARTITIONS: dict[str, tuple[str, ...]] = {
    "ratings": ("split", "part"),
    "predictions": ("model",),
    "models": ("model",),
    "search": ("model",),
}
