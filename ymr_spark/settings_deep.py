"""The settings of the two-tower models; see settings for all others."""

from typing import Annotated, Literal

from pydantic import Field

from ymr_spark.setting_types import Distinct, Rank, Rate, Rounds, Section, Width


class TwoTower(Section):
    """What the deep models share; each has a section of its own besides."""

    models: Annotated[list[Literal["two_tower_dot", "two_tower_mlp", "deep_cross"]], Distinct] = (
        Field(["two_tower_dot", "two_tower_mlp", "deep_cross"], min_length=1)
    )
    stall_seconds: float = Field(120, gt=0, le=1e6, description="the longest wait for the shards")
    workers: int = Field(
        1, ge=1, description="tasks of a Spark barrier stage that train together, a core each"
    )


class Deep(Section):
    """One two-tower model: its form and its training by Adagrad."""

    dimension: Rank = Field(5, description="of the embeddings of users and songs")
    learning_rate: Rate = 0.15
    decay: float = Field(0, ge=0, lt=1, description="share of the rate that an epoch takes off")
    initial_accumulator: Rate = 1e-7
    batch_size: int = Field(8_192, ge=1)
    max_epochs: Rounds = 20
    patience: int = Field(2, ge=1, description="epochs without a better validation MSE")
    l2: float = Field(8.0, ge=0, description="weight of the squares of each id's row")


class TwoTowerDot(Deep):
    dimension: Rank = Field(4, description="of the embeddings of users and songs")
    learning_rate: Rate = 0.3
    decay: float = Field(0.15, ge=0, lt=1, description="share of the rate that an epoch takes off")
    attributes: Annotated[list[Literal["album", "artist", "genre", "top_genre"]], Distinct] = Field(
        ["album", "artist"], description="of songs, whose rows are added to the songs' own"
    )


class TwoTowerMlp(Deep):
    dimension: Rank = Field(16, description="of the embeddings of users and songs")
    batch_size: int = Field(4_096, ge=1)
    layers: tuple[Width, ...] = Field(
        (64, 32), max_length=16, description="widths of the ReLU layers"
    )
    l2: float = Field(0.02, ge=0, description="weight of a row's squares for each of its ratings")


class DeepCross(Deep):
    width: Width = Field(32, description="of the ReLU layer beside the cross layer")
    song_dropout: float = Field(
        0.1, ge=0, lt=1, description="share of train rows scored by the song's content alone"
    )
