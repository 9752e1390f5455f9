"""The pipeline in one table: what each stage reads, writes and is governed by.

A resource is a Delta table's name, or a path below the warehouse that ends in `/` (a folder)
or has a suffix (a file). `raw/` stands for the raw folder of the settings.
"""

from dataclasses import dataclass

from ymr_spark.models.names import FACTOR_MODELS
from ymr_spark.settings import Settings


@dataclass(frozen=True)
class Stage:
    """One job of `jobs/`: `reads` and `writes` are resources, `settings` are section names.

    A job that asks for a resource or a section that its stage does not name is refused.

    Args:
        optional: resources that it reads where they exist.
        keeps: what it writes besides, which nothing else is made from: checkpoints, exports.
        on_request: not part of the pipeline: it takes long and answers a question of its own.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    settings: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    on_request: bool = False


# Where the fitted models are, and what they say of the held-out rows.
MODELS_TABLES = ("predictions", "models")
COUNT_TABLES = ("summary_users", "summary_songs", "summary_genre_ratings")
SUMMARY_TABLES = (
    "summary_columns",
    "summary_values",
    "summary_genres",
    "summary_top_genres",
    "summary_correlations",
    "summary_tails",
    "summary_concentration",
    "summary_lean",
)
# The tables of the models whose score is a sum of offsets and a product of factors.
FACTOR_TABLES = tuple(f"{m}_{side}" for m in FACTOR_MODELS for side in ("users", "songs"))

STAGES = (
    Stage("generate_r2", (), ("raw/",), ("planted",)),
    Stage("convert_movielens", (), ("raw/",)),
    Stage("ingest", ("raw/",), ("ratings", "songs", "genres", "quarantine"), ("ingest",)),
    Stage("summarize", ("ratings", "songs", "genres"), (*COUNT_TABLES, *SUMMARY_TABLES)),
    Stage(
        "train_bias",
        ("ratings",),
        (
            *("bias_users", "bias_songs"),
            *("constant_users", "constant_songs"),
            *("user_lean_users", "user_lean_songs"),
            *MODELS_TABLES,
        ),
        ("bias",),
    ),
    Stage(
        "train_similarity",
        ("ratings", "bias_users", "bias_songs"),
        ("similarity_neighbors", *MODELS_TABLES),
        ("similarity",),
    ),
    Stage(
        "train_als",
        ("ratings", "bias_users", "bias_songs"),
        ("als_users", "als_songs", "latent_factor_users", "latent_factor_songs", *MODELS_TABLES),
        ("als", "latent_factor"),
        keeps=("models/als/", "models/latent_factor/"),
    ),
    Stage("export_shards", ("ratings", "songs", "genres"), ("shards/",), ("shards",)),
    Stage(
        "train_two_tower",
        ("ratings", "songs", "genres", "shards/", "bias_users", "bias_songs"),
        (
            *("two_tower_dot_users", "two_tower_dot_songs", "models/two_tower_dot/"),
            *("two_tower_mlp_users", "two_tower_mlp_songs", "two_tower_mlp_layers"),
            "models/two_tower_mlp/",
            *("deep_cross_users", "deep_cross_songs", "models/deep_cross/"),
            *MODELS_TABLES,
        ),
        ("two_tower", "two_tower_dot", "two_tower_mlp", "deep_cross"),
    ),
    Stage(
        "evaluate",
        ("ratings", "songs", "genres", *COUNT_TABLES[:2], "predictions", "models"),
        (
            *("metrics", "differences", "ranking", "slices", "orders"),
            *("reports/leaderboard.json", "reports/certificate.json"),
        ),
        ("evaluate", "bias"),
        optional=("shards/", "raw/", *FACTOR_TABLES),
    ),
    Stage(
        "recommend",
        ("ratings", "songs", "genres", "summary_songs", "metrics", "models"),
        ("recommendations",),
        ("recommend", "bias"),
        optional=FACTOR_TABLES,
        keeps=("recommendations.csv", "recommendations.jsonl"),
    ),
    Stage(
        "report",
        (
            *(*SUMMARY_TABLES, "quarantine", "ratings", "predictions", "models"),
            *("slices", "orders", "reports/leaderboard.json", "reports/certificate.json"),
            "recommendations",
        ),
        ("reports/index.html",),
        ("raw",),
        optional=("search", "by_size"),
    ),
    Stage(
        "compare_by_size",
        ("ratings", "songs", "genres", "shards/", "models", "metrics"),
        ("by_size",),
        (
            *("compare_by_size", "bias", "latent_factor"),
            *("two_tower", "two_tower_dot", "two_tower_mlp"),
        ),
        keeps=("models/by_size/",),
        on_request=True,
    ),
    Stage(
        "search",
        ("ratings",),
        ("search",),
        ("search", "bias", "als", "latent_factor", "two_tower_dot", "two_tower_mlp"),
        keeps=("models/search/",),
        on_request=True,
    ),
)

_SOURCE_STAGE = {"planted": "generate_r2", "movielens-100k": "convert_movielens"}


def named(name: str) -> Stage:
    """The stage of that name."""
    return next(stage for stage in STAGES if stage.name == name)


def pipeline(settings: Settings) -> tuple[Stage, ...]:
    """The stages that these settings ask for, in order: raw files are made or are there."""
    unused = set(_SOURCE_STAGE.values()) - {_SOURCE_STAGE.get(settings.raw.source)}
    return tuple(s for s in STAGES if s.name not in unused and not s.on_request)


def makers(stage: Stage) -> tuple[Stage, ...]:
    """The stages that what `stage` reads is made by, and those that they read from, in order."""
    wanted = {*stage.reads, *stage.optional}
    found = []
    for earlier in reversed(STAGES):
        if earlier.name != stage.name and wanted & {*earlier.writes}:
            found.append(earlier)
            wanted |= {*earlier.reads, *earlier.optional}
    return tuple(reversed(found))


def writers(resource: str) -> tuple[Stage, ...]:
    """The stages that write `resource`."""
    return tuple(stage for stage in STAGES if resource in stage.writes)


def maker(resource: str) -> str:
    """The first stage that writes `resource`, for messages on what to run."""
    return writers(resource)[0].name
