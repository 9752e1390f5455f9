"""Every setting, its default and what it means; see settings_file for where they are read."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, create_model, model_validator

from ymr_spark import levels
from ymr_spark.errors import DataContractError
from ymr_spark.models import registry, sections
from ymr_spark.pipeline.settings_raw import Raw, Split
from ymr_spark.pipeline.settings_search import Search, Tune
from ymr_spark.setting_types import (
    LARGEST_ID,
    Distinct,
    Id,
    LocalPath,
    Section,
    SharedPath,
    Shares,
    one_of,
)
from ymr_spark.sources.r2 import stars
from ymr_spark.store import locations, paths


class RatingScale(Section):
    """Of the raw ratings, planted ones among them; others are quarantined."""

    lowest: float = Field(stars.LOWEST, ge=0, description="stars")
    highest: float = Field(stars.HIGHEST, le=1e6)
    step: float = stars.STEP

    @model_validator(mode="after")
    def _is_one(self) -> "RatingScale":
        try:
            levels.count(self.lowest, self.highest, self.step)
        except DataContractError as e:
            raise ValueError(str(e)) from None
        return self


class Planted(Section):
    """The planted data: how much, and what kind of world it is; see docs/planted.md."""

    users: int = Field(5_000, ge=10, le=LARGEST_ID, description="users in a full part")
    songs: int = Field(3_000, ge=100, le=LARGEST_ID)
    train_ratings: int = Field(1_000_000, ge=100, description="train rows in a full part")
    parts: int = Field(1, ge=1, le=10)
    cold_song_share: float = Field(0.01, ge=0, lt=0.5, description="songs rated in test only")
    taste_rank: int = Field(4, ge=0, le=32, description="dimensions of taste")
    noise_sd: float = Field(0.68, gt=0, le=10, description="of the latent score")
    affinity_sd: float = Field(0.125, ge=0, le=10, description="of what no dot product expresses")
    content: float = Field(0.7, ge=0, le=1, description="artist's and album's share of taste")
    user_spread: float = Field(1.2, ge=0, le=3, description="of the log of a user's ratings")
    song_spread: float = Field(1.4, ge=0, le=3, description="of the log of a song's popularity")
    choice: float = Field(0, ge=0, le=5, description="say of taste in which songs a user rates")

    @model_validator(mode="after")
    def _users_have_ids(self) -> "Planted":
        if self.users * self.parts > LARGEST_ID:
            raise ValueError(f"expected at most {LARGEST_ID:,} users in all parts together")
        return self


class Ingest(Section):
    """Raw lines to ratings."""

    max_quarantine_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="of the lines read; of the songs, with a genre not in the tree",
    )
    validation_ratings: int = Field(10, ge=1, description="train rows a user held out")
    validation_share: float = Field(
        0.2, gt=0, le=0.5, description="of a user's train rows: not more, but one of any two"
    )


class Shards(Section):
    """How train, validation and test rows are exported."""

    row_group_rows: int = Field(65_536, ge=1, le=4_194_304, description="held in memory at once")
    row_groups_multiple: int = Field(4, ge=1, description="row groups divide evenly by this")


class Gates(Section):
    """How far lists may be from what the published ones were made from; null: any distance."""

    quarantine_rise: float | None = Field(
        None, ge=0, le=1, description="of the share of raw lines in quarantine"
    )
    rating_shift: float | None = Field(
        None,
        ge=0,
        le=1,
        description="of the ratings' distribution: the share that would have to be others",
    )
    user_mean_shift: float | None = Field(
        None, ge=0, description="stars, of the mean over users of their mean ratings"
    )
    worse_models: bool = Field(
        True, description="whether test MSE or lists may be worse, beyond both intervals"
    )


class Maintain(Section):
    """What a warehouse keeps of earlier versions."""

    retention_hours: int = Field(
        168, ge=0, le=87_600, description="readers may be so long behind the newest version"
    )


class Evaluate(Section):
    """Draws and lists by which models are compared."""

    resamples: int = Field(1_000, ge=40, le=100_000, description="bootstrap draws of users")
    ranked_users: int = Field(5_000, ge=1, description="whose lists of songs are judged")


class CompareBySize(Section):
    """Models fitted anew to nested samples of the train rows."""

    shares: Shares = Field(
        (1 / 64, 1 / 16, 1 / 4),
        min_length=1,
        description="of the train rows, rounded to whole row groups",
    )


class Recommend(Section):
    """Who gets lists of songs, by which model, and which songs may be in them."""

    model: Annotated[str, one_of("best", *registry.RANKING)] = Field(
        "best", description="that ranks the songs; the one of the best lists on validation"
    )
    by: Literal["both", "listening", "rating"] | None = Field(
        None,
        description="what songs are ordered by: the chance of being listened to and the predicted "
        "rating together, or one of them alone; without it, both where the model knows chances",
    )
    k: int = Field(100, ge=1)
    min_ratings: int = Field(0, ge=0, description="train ratings that a song must have")
    include_genres: list[Id] = Field(
        [], description="only songs of these genres or of genres below them; empty: all songs"
    )
    exclude_genres: list[Id] = Field([], description="no song of these or of genres below them")
    per_artist: int | None = Field(None, ge=1, description="the most songs of one artist a list")
    popularity_damping: float = Field(
        0,
        ge=0,
        description="stars taken off for each tenfold number of a song's ratings; of the "
        "logits of two-tower models, which near the middle of the scale are the same",
    )
    users: SharedPath | None = Field(
        None,
        description="a file of user ids, one a line (another content is noticed with --force "
        "only); without it, everyone with a rating",
    )
    export: Literal["csv", "jsonl"] | None = Field(None, description="files beside the table")
    verified_users: int = Field(50, ge=1, description="users checked against brute force")


class Common(Section):
    """All settings but the models' own sections."""

    warehouse: SharedPath = locations.of("build/demo")
    seed: int = Field(1, ge=1, description="every random choice follows from it")
    spark_defaults: LocalPath | None = Field(
        None, description="Spark properties for plain `python`; spark-submit takes its own"
    )
    spark_submit: list[Annotated[str, Field(min_length=1)]] = Field(
        [], description="the command before a stage's script; empty: plain python, local master"
    )
    one_jvm: bool = Field(
        False,
        description="the pipeline's stages share a JVM: seconds less a stage, but it keeps the "
        "memory that any of them needed",
    )
    one_process: bool = Field(
        False,
        description="with one_jvm, they share a Python process and its Spark session, too: seconds "
        "less again, but Python workers keep the memory that any of them needed",
    )
    logs: Literal["plain", "json"] = Field("plain", description="the form of the lines on stderr")
    prometheus: LocalPath | None = Field(
        None, description="a file NAME.prom of this machine, written anew as each job ends"
    )
    raw: Raw = Raw()
    split: Split = Split()
    scale: RatingScale | None = Field(
        None, description="without it, the source's own, or as a table's ratings have it"
    )
    planted: Planted = Planted()
    ingest: Ingest = Ingest()
    models: Annotated[list[Annotated[str, one_of(*registry.NAMES)]], Distinct] = Field(
        [*registry.NAMES], min_length=1, description="those that the pipeline fits and judges"
    )
    final_fit: Literal["update", "refit", "none"] = Field(
        "update",
        description="to train and validation rows together, once validation has chosen: on from "
        "the model that was chosen, or from the beginning, or not at all",
    )
    warm_start: bool = Field(
        False,
        description="trainings that can begin with what the last one has found in the rows that "
        "were there: sooner done, but not the same as from the data alone",
    )
    shards: Shards = Shards()
    two_tower: sections.TwoTower = sections.TwoTower()
    evaluate: Evaluate = Evaluate()
    compare_by_size: CompareBySize = CompareBySize()
    recommend: Recommend = Recommend()
    gates: Gates = Gates()
    maintain: Maintain = Maintain()
    search: Search = Search()
    tune: Tune = Tune()

    def of(self, model: str) -> dict[str, Any]:
        """The values of a model's own section."""
        section: Section = getattr(self, model)
        return section.model_dump(mode="json")

    def governing(self) -> dict[str, Any]:
        """All settings by their names, but where raw data lie: a folder that moves is the same."""
        values = self.model_dump(mode="json")
        raw = values.get("raw", {})
        for section in (raw, raw.get("items", {})):
            section.pop("path", None)
        for key in ("folder", "forgotten"):
            raw.pop(key, None)
        return values

    def only(self, sections: Collection[str]) -> "Settings":
        """These settings without the sections that are not named: asking for one is an error."""
        left: Settings = self.model_copy()
        for name, value in self:
            if isinstance(value, Section) and name not in sections:
                del left.__dict__[name]
        return left

    @model_validator(mode="after")
    def _fallbacks_are_fitted(self) -> "Common":
        for entry in map(registry.named, self.models):
            if entry.fallback not in (None, *self.models):
                raise ValueError(f"models: {entry.name} starts from {entry.fallback}; name it too")
        return self

    @model_validator(mode="after")
    def _one_predicts_stars(self) -> "Common":
        if not {*self.models} & {*registry.RATING}:
            raise ValueError(f"models: expected one of {', '.join(registry.RATING)} among them")
        return self

    @model_validator(mode="after")
    def _one_way_to_start(self) -> "Common":
        if self.one_jvm and self.spark_submit:
            raise ValueError("one_jvm: spark_submit starts a JVM for each stage; set only one")
        return self

    @model_validator(mode="after")
    def _folders_that_all_can_read(self) -> "Common":
        paths.require_for_all("warehouse", self.warehouse)
        paths.require_for_tables("warehouse", self.warehouse)
        paths.require_for_all("raw.folder", self.raw.folder)
        raw = self.raw
        for key, path in (
            ("raw.path", raw.path),
            ("raw.items.path", raw.items.path),
            ("raw.forgotten", raw.forgotten),
        ):
            if path is not None:
                paths.require_for_all(key, path)
        return self


if TYPE_CHECKING:
    Settings = Common
else:
    Settings = create_model(
        "Settings",
        __base__=Common,
        **{entry.name: (entry.section, entry.section()) for entry in registry.MODELS},
    )
