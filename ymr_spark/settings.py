"""Every setting, its default and what it means; see settings_file for where they are read."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ymr_spark import paths
from ymr_spark.setting_types import (
    LARGEST_ID,
    Id,
    Listing,
    LocalPath,
    Rank,
    Ranks,
    Rates,
    Ridge,
    Ridges,
    Rounds,
    Section,
    Shares,
)
from ymr_spark.settings_deep import DeepCross, TwoTower, TwoTowerDot, TwoTowerMlp


class Raw(Section):
    """Where the raw R2 files come from."""

    source: Literal["planted", "movielens-100k", "folder"] = "planted"
    folder: LocalPath = Path("build/demo/raw")


class Planted(Section):
    """The size of the planted data set; see docs/planted.md for what is in it."""

    users: int = Field(5_000, ge=10, le=LARGEST_ID, description="users in a full part")
    songs: int = Field(3_000, ge=100, le=LARGEST_ID)
    train_ratings: int = Field(1_000_000, ge=100, description="train rows in a full part")
    parts: int = Field(1, ge=1, le=10)
    cold_song_share: float = Field(0.01, ge=0, lt=0.5, description="songs rated in test only")

    @model_validator(mode="after")
    def _users_have_ids(self) -> "Planted":
        if self.users * self.parts > LARGEST_ID:
            raise ValueError(f"expected at most {LARGEST_ID:,} users in all parts together")
        return self


class Ingest(Section):
    max_quarantine_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="of the lines read; of the songs, with a genre not in the tree",
    )
    validation_ratings: int = Field(10, ge=1, description="train rows a user held out")


class Bias(Section):
    """alpha + b_u + b_s, ridge-regularised."""

    user_damping: float = Field(5.0, ge=0)
    song_damping: float = Field(5.0, ge=0)
    tolerance: float = Field(1e-4, gt=0, description="largest change of an offset, in stars")
    max_iterations: Rounds = 20


class Similarity(Section):
    """Each song's neighbours by shrunk adjusted cosine of bias residuals."""

    candidates: int = Field(
        4_096, ge=1, description="only that many songs, those most rated, can be neighbours"
    )
    neighbors: int = Field(500, ge=1, description="the most kept a song")
    shrinkage: float = Field(100, ge=0, description="in users: times n / (n + shrinkage)")
    min_overlap: int = Field(3, ge=1, description="users who rated both songs")
    damping: float = Field(0.5, ge=0, description="weight of the bias model beside neighbours")


class Als(Section):
    """Spark's ALS; `regularization` is scaled by the number of ratings (ALS-WR)."""

    rank: Rank = 16
    regularization: Ridge = 0.1
    iterations: Rounds = 10
    blocks: int = Field(4, ge=1, le=10_000)
    checkpoint_interval: int = Field(
        5, ge=1, le=10, description="iterations; a longer lineage overflows the stack of a JVM"
    )


class LatentFactor(Section):
    """mean + b_u + b_s + p_u · q_s; regularisation is learnt, see docs/training.md."""

    rank: Rank = 12
    max_iterations: Rounds = 15
    tolerance: float = Field(2e-4, ge=0, description="least gain of an iteration in validation MSE")


class Shards(Section):
    row_group_rows: int = Field(65_536, ge=1, le=4_194_304, description="held in memory at once")
    row_groups_multiple: int = Field(4, ge=1, description="row groups divide evenly by this")


class Evaluate(Section):
    resamples: int = Field(1_000, ge=40, le=100_000, description="bootstrap draws of users")
    ranked_users: int = Field(5_000, ge=1, description="whose lists of songs are judged")
    ranked_songs: int = Field(100, ge=1, le=100_000, description="the length of these lists")


class CompareBySize(Section):
    """Models fitted anew to nested samples of the train rows."""

    shares: Shares = Field(
        (1 / 64, 1 / 16, 1 / 4),
        min_length=1,
        description="of the train rows, rounded to whole row groups",
    )


class Recommend(Section):
    model: Listing = Field("best", description="a model that has a score for every song")
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
    users: LocalPath | None = Field(
        None,
        description="a file of user ids, one a line (another content is noticed with --force "
        "only); without it, everyone with a rating",
    )
    export: Literal["csv", "jsonl"] | None = Field(None, description="files beside the table")
    verified_users: int = Field(50, ge=1, description="users checked against brute force")


class Search(Section):
    """Hyperparameters by cross-validation on train rows of a sample of users."""

    model: Literal["als", "latent_factor", "two_tower_dot", "two_tower_mlp"] = "latent_factor"
    sample_ratings: int = Field(2_000_000, ge=100, description="about; whole users are taken")
    folds: int = Field(3, ge=2, le=100)
    trials: Rounds = Field(12, description="a larger number goes on with a finished search")
    max_epochs: Rounds = Field(8, description="of two-tower models; all of them are judged")
    ranks: Ranks = (2, 32)
    regularizations: Ridges = (0.01, 0.5)
    learning_rates: Rates = (0.02, 1.0)
    initial_accumulators: Rates = (1e-8, 0.1)


class Settings(Section):
    warehouse: LocalPath = Path("build/demo")
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
    logs: Literal["plain", "json"] = Field("plain", description="the form of the lines on stderr")
    raw: Raw = Raw()
    planted: Planted = Planted()
    ingest: Ingest = Ingest()
    bias: Bias = Bias()
    similarity: Similarity = Similarity()
    als: Als = Als()
    latent_factor: LatentFactor = LatentFactor()
    shards: Shards = Shards()
    two_tower: TwoTower = TwoTower()
    two_tower_dot: TwoTowerDot = TwoTowerDot()
    two_tower_mlp: TwoTowerMlp = TwoTowerMlp()
    deep_cross: DeepCross = DeepCross()
    evaluate: Evaluate = Evaluate()
    compare_by_size: CompareBySize = CompareBySize()
    recommend: Recommend = Recommend()
    search: Search = Search()

    def only(self, sections: Collection[str]) -> "Settings":
        """These settings without the sections that are not named: asking for one is an error."""
        left = self.model_copy()
        for name, value in self:
            if isinstance(value, Section) and name not in sections:
                del left.__dict__[name]
        return left

    @model_validator(mode="after")
    def _one_way_to_start(self) -> "Settings":
        if self.one_jvm and self.spark_submit:
            raise ValueError("one_jvm: spark_submit starts a JVM for each stage; set only one")
        return self

    @model_validator(mode="after")
    def _folders_that_all_can_read(self) -> "Settings":
        paths.require_for_all("warehouse", self.warehouse)
        paths.require_for_all("raw.folder", self.raw.folder)
        return self
