"""The settings of every model: a section of its own, under its name."""

from typing import Annotated, Literal

from pydantic import Field

from ymr_spark.setting_types import Distinct, Rank, Rate, Ridge, Rounds, Section, Width


class Bias(Section):
    """alpha + b_u + b_s, ridge-regularised."""

    user_damping: float = Field(5.0, ge=0)
    song_damping: float = Field(5.0, ge=0)
    tolerance: float = Field(1e-4, gt=0, description="largest change of an offset, in stars")
    max_iterations: Rounds = 20


class Constant(Section):
    """The mean of all ratings."""


class UserLean(Section):
    """The lowest or the highest rating for everything, by the user's mean."""

    damping: float = Field(5.0, ge=0, description="in ratings of the mean, added to each user's")


class MostPopular(Section):
    """Songs by their numbers of ratings."""


class BestMean(Section):
    """Songs by their means."""

    damping: float = Field(5.0, ge=0, description="in ratings of the mean, added to each song's")


class ImplicitAls(Section):
    """Factors of what was rated at all, whatever the stars."""

    rank: Rank = 32
    unobserved: float = Field(
        5.0, gt=0, le=1e6, description="weight of all pairs, beside 1 of those that were rated"
    )
    regularization: Ridge = Field(0.07, description="scaled by numbers of ratings")
    iterations: Rounds = 10


class ItemNeighbors(Section):
    """Weights for each pair of the songs most rated."""

    candidates: int = Field(4_096, ge=1, description="only that many songs, those most rated")
    ridge: float = Field(300, gt=0, le=1e9, description="in users")


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


class TwoTower(Section):
    """How the deep models are trained, whichever they are; each has a section of its own."""

    stall_seconds: float = Field(120, gt=0, le=1e6, description="the longest wait for the shards")
    workers: int = Field(
        1, ge=1, description="tasks of a Spark barrier stage that train together, a core each"
    )


class Deep(Section):
    """One two-tower model: its form and its training."""

    dimension: Rank = Field(32, description="of the embeddings of users and songs")
    learning_rate: Rate = Field(2.0, description="times Newton steps")
    batch_size: int = Field(8_192, ge=1)
    max_epochs: Rounds = 8
    patience: int = Field(2, ge=1, description="epochs without a gain in validation MSE")
    tolerance: float = Field(0.0, ge=0, description="what counts as a gain in validation MSE")
    l2: Ridge = Field(32.0, description="weight of the squares of each id's row, to begin with")


class TwoTowerDot(Deep):
    """Towers with offsets, joined by a dot product."""

    attributes: Annotated[list[Literal["album", "artist", "genre", "top_genre"]], Distinct] = Field(
        ["album", "artist"], description="of songs, whose rows are added to the songs' own"
    )


class TwoTowerRetrieval(Deep):
    """Towers whose dot product is the chance that a song is the user's next, in logarithms."""

    attributes: Annotated[list[Literal["album", "artist", "genre", "top_genre"]], Distinct] = Field(
        ["album", "artist", "genre"], description="of songs, whose rows are added to the songs' own"
    )
    batch_size: int = Field(4_096, ge=1)
    patience: int = Field(1, ge=1, description="epochs without a gain on validation")
    tolerance: float = Field(0.003, ge=0, description="what counts as a gain on validation, nats")
    negatives: int = Field(
        512, ge=2, description="rows of a batch whose songs stand against each other"
    )
    l2: Ridge = Field(2.0, description="weight of the squares of each id's row, to begin with")


class TwoTowerJoint(TwoTowerDot):
    """Towers of ratings and of listening with one vector of each user."""

    dimension: Rank = Field(16, description="of the embeddings of users and songs")
    batch_size: int = Field(4_096, ge=1)
    listening: float = Field(
        1.0, gt=0, le=1, description="share of the train rows whose listening counts"
    )
    negatives: int = Field(
        512, ge=2, description="rows of a batch whose songs stand against each other"
    )
    l2: Ridge = Field(8.0, description="weight of the squares of each id's row, to begin with")


class TwoTowerMlp(Deep):
    """Both embeddings side by side through dense layers."""

    dimension: Rank = Field(16, description="of the embeddings of users and songs")
    batch_size: int = Field(4_096, ge=1)
    max_epochs: Rounds = 12
    layers: tuple[Width, ...] = Field(
        (64, 32), max_length=16, description="widths of the ReLU layers"
    )
    l2: Ridge = Field(16.0, description="weight of the squares of each id's row, to begin with")


class DeepCross(Deep):
    """A song tower that reads the song's content."""

    dimension: Rank = Field(16, description="of the embeddings of users and songs")
    width: Width = Field(32, description="of the ReLU layer beside the cross layer")
    song_dropout: float = Field(
        0.1, ge=0, lt=1, description="share of train rows scored by the song's content alone"
    )
