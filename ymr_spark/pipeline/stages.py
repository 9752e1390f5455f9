"""The pipeline in one table: what each stage reads, writes and is governed by.

A resource is a Delta table's name, or a path below the warehouse that ends in `/` (a folder)
or has a suffix (a file). `raw/` stands for the raw folder of the settings.
"""

from dataclasses import dataclass

from ymr_spark.models import registry
from ymr_spark.pipeline.settings import Settings


@dataclass(frozen=True)
class Stage:
    """One job of `jobs/`: `reads` and `writes` are resources, `settings` are section names.

    A job that asks for a resource or a section that its stage does not name is refused.

    Args:
        optional: resources that it reads where they exist.
        keeps: what it writes besides, which nothing else is made from: checkpoints, exports.
        on_request: not part of the pipeline: it takes long and answers a question of its own.
        script: its job in jobs/, where that is not of its own name.
        model: the one that it is about.
        fits: models that it fits anew, for a question of its own.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    settings: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    on_request: bool = False
    script: str | None = None
    model: str | None = None
    fits: tuple[str, ...] = ()

    @property
    def job(self) -> str:
        """The name of its script in jobs/."""
        return self.script or self.name

    @property
    def modules(self) -> tuple[str, ...]:
        """Where the estimators of its models are, which its job imports by their names."""
        names = (self.model, *self.fits) if self.model else self.fits
        return tuple(registry.named(name).module for name in names)

    @property
    def own_process(self) -> bool:
        """Whether its model is to be fitted to all rows beside no other."""
        return self.job == "train" and registry.named(str(self.model)).own_process

    @property
    def command(self) -> str:
        """What to run, for messages."""
        return f"jobs/{self.job}.py" + (f" --model {self.model}" if self.model else "")


# Where the fitted models are, and what they say of the held-out rows.
MODELS_TABLES = ("predictions", "models")
# What users and songs are called by the source; see pipeline.own_ids.
ID_TABLES = ("user_ids", "song_ids")
COUNT_TABLES = ("summary_users", "summary_songs", "summary_genre_ratings")
# The ratings by whole users and by whole songs; see pipeline.packed_tables.
PACKED_TABLES = ("packed_by_user", "packed_by_song")
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
ON_REQUEST_TABLES = ("search", "by_size")
CHOICES = tuple(f for e in registry.MODELS for f in e.choice)
# The tables of the models that can rank all songs.
RANKING_TABLES = tuple(t for e in registry.MODELS if e.ranks_songs for t in e.tables)
# The files of their fits to the train rows alone, by which lists are judged on validation.
CHOSEN = tuple(f for e in registry.MODELS for f in e.chosen)


_OF_DEEP = ("songs", "genres", "shards/")


def _train(entry: registry.Entry) -> Stage:
    base = registry.named(entry.fallback) if entry.fallback else None
    fallback = (*base.tables, *base.chosen) if base else ()
    sections = entry.name, "final_fit", *(("two_tower",) if entry.deep else ())
    sections += ("warm_start",) if entry.warm else ()
    return Stage(
        f"train_{entry.name}",
        ("ratings", *(_OF_DEEP if entry.deep else PACKED_TABLES), *fallback),
        (*entry.tables, *entry.chosen, *(MODELS_TABLES if entry.rates else MODELS_TABLES[1:])),
        (*sections, *(("tune",) if entry.tuned else ())),
        optional=entry.choice,
        keeps=(f"models/{entry.name}/",),
        script="train",
        model=entry.name,
    )


def _tune(entry: registry.Entry) -> Stage:
    return Stage(
        f"tune_{entry.name}",
        ("ratings", *(("songs", "genres") if entry.deep else ())),
        entry.choice,
        (entry.name, "bias", "tune"),
        keeps=("models/tuning/",),
        script="tune",
        model=entry.name,
        fits=("bias",) if entry.fallback else (),
    )


STAGES = (
    Stage("generate_r2", (), ("raw/",), ("planted", "scale")),
    Stage("convert_movielens", (), ("raw/",)),
    Stage(
        "ingest",
        ("raw/",),
        ("ratings", "songs", "genres", *ID_TABLES, "quarantine"),
        ("ingest", "raw", "split", "scale"),
        keeps=("unpacked/",),
    ),
    Stage("pack", ("ratings",), PACKED_TABLES),
    Stage(
        "summarize",
        ("ratings", *PACKED_TABLES, "songs", "genres"),
        (*COUNT_TABLES, *SUMMARY_TABLES),
    ),
    *(_tune(entry) for entry in registry.MODELS if entry.tuned),
    *(_train(entry) for entry in registry.MODELS if not entry.deep),
    Stage(
        "export_shards", ("ratings", "packed_by_user", "songs", "genres"), ("shards/",), ("shards",)
    ),
    *(_train(entry) for entry in registry.MODELS if entry.deep),
    Stage(
        "evaluate",
        (
            "ratings",
            "packed_by_user",
            "songs",
            "genres",
            *COUNT_TABLES[:2],
            "predictions",
            "models",
        ),
        (
            *("metrics", "differences", "slices", "orders"),
            *("ranking", "ranking_slices", "list_weights"),
            *("reports/leaderboard.json", "reports/certificate.json"),
        ),
        ("evaluate", "models", "tune"),
        optional=("shards/", "raw/", *CHOICES, *CHOSEN, *RANKING_TABLES),
    ),
    Stage(
        "recommend",
        (
            *("ratings", "packed_by_user", "songs", "genres", *COUNT_TABLES[:2]),
            *("metrics", "ranking", "list_weights", "models"),
        ),
        ("recommendations", "reports/basis.json"),
        ("recommend", "gates"),
        optional=(*RANKING_TABLES, *ID_TABLES),
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
        ("raw", "tune"),
        optional=(*ON_REQUEST_TABLES, *ID_TABLES),
    ),
    Stage(
        "compare_by_size",
        ("ratings", "packed_by_user", "songs", "genres", "shards/", "models", "metrics", "ranking"),
        ("by_size",),
        ("compare_by_size", "models", "two_tower", "tune", "evaluate", *registry.BY_SIZE),
        optional=CHOICES,
        keeps=("models/by_size/",),
        on_request=True,
        fits=registry.BY_SIZE,
    ),
    Stage(
        "search",
        ("ratings",),
        ("search",),
        ("search", "bias", *registry.SEARCHED),
        keeps=("models/search/",),
        on_request=True,
        fits=("bias", *registry.SEARCHED),
    ),
)

_SOURCE_STAGE = {"planted": "generate_r2", "movielens-100k": "convert_movielens"}


def named(name: str) -> Stage:
    """The stage of that name."""
    return next(stage for stage in STAGES if stage.name == name)


def of_model(name: str) -> Stage:
    """The stage that fits the model of that name."""
    return named(f"train_{name}")


def pipeline(settings: Settings) -> tuple[Stage, ...]:
    """The stages that these settings ask for, in order: raw files are made or are there."""
    unused = set(_SOURCE_STAGE.values()) - {_SOURCE_STAGE.get(settings.raw.source)}
    models = {None, *settings.models}
    deep = any(registry.named(name).deep for name in settings.models)
    unused |= set() if deep else {"export_shards"}
    unused |= set() if settings.tune.trials else {f"tune_{name}" for name in registry.TUNED}
    stages = (s for s in STAGES if s.name not in unused and not s.on_request)
    return tuple(stage for stage in stages if stage.model in models)


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
    """The command of the first stage that writes `resource`, for messages on what to run."""
    return writers(resource)[0].command
