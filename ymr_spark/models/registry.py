"""Every model, one entry each. Tables, stages, settings, search, judgement and report go by it.

It imports none of the packages: schedulers read the stages, which follow from it, and executors
the schemas.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ymr_spark.models.forms import DENSE, FACTORS, JOINT, NEIGHBORS, WEIGHTS, Form

if TYPE_CHECKING:
    from ymr_spark.setting_types import Section


@dataclass(frozen=True)
class TunedSetting:
    """A setting of a model, and the range of the section `search` or `tune` that it is varied
    in.

    Args:
        from_given: the range begins at the given value, since more rows never ask for less.
    """

    setting: str
    within: str
    logarithmic: bool = True
    from_given: bool = False


@dataclass(frozen=True)
class Entry:
    """One model.

    Args:
        estimator: module:Class; imported only where the model is fitted or loaded.
        settings: the class of its section in `models.sections`; the section has the model's name.
        fallback: the model that it starts from and that scores what it does not know.
        rates: it predicts stars, and is judged by them; else it ranks songs only.
        deep: it trains on the shards, by TensorFlow, without Spark.
        tuned: what jobs/tune.py chooses before the model is fitted.
        searched: jobs/search.py, which knows nothing of songs but their ids, varies the same.
        by_size: jobs/compare_by_size.py fits it to parts of the train rows.
        own_process: it shares no packed ratings with others, and memory is short beside theirs.
        warm: a training may begin with what an earlier one has found in other ratings.
    """

    name: str
    estimator: str
    settings: str
    form: Form = FACTORS
    fallback: str | None = None
    rates: bool = True
    deep: bool = False
    tuned: tuple[TunedSetting, ...] = ()
    searched: bool = False
    by_size: bool = False
    own_process: bool = False
    warm: bool = False

    @property
    def section(self) -> "type[Section]":
        """The class of its settings."""
        found: type[Section] = imported(f"ymr_spark.models.sections:{self.settings}")
        return found

    @property
    def module(self) -> str:
        """Where its estimator is."""
        return self.estimator.partition(":")[0]

    @property
    def ranks_songs(self) -> bool:
        """Whether it can be searched for a user's best of all songs."""
        return self.form.ranks

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the Delta tables that keep it."""
        return tuple(f"{self.name}_{part}" for part in self.form.parts)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The file of its fit to the train rows alone, where others start from it or the
        validation rows judge its lists."""
        kept = self.name in FALLBACKS or self.ranks_songs
        return (f"chosen/{self.name}.npz",) if kept else ()

    @property
    def choice(self) -> tuple[str, ...]:
        """The file that says how its settings were chosen, where they can be."""
        return (f"tuned/{self.name}.json",) if self.tuned else ()


def imported(path: str) -> Any:
    """What stands under module:Name."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


_RANK = (TunedSetting("rank", "ranks", logarithmic=False, from_given=True),)
_REGULARIZED = (
    TunedSetting("rank", "ranks", from_given=True),
    TunedSetting("regularization", "regularizations"),
)
_DEEPLY = (
    TunedSetting("learning_rate", "learning_rates"),
    TunedSetting("l2", "row_penalties"),
)
_LINEAR, _DEEP = "ymr_spark.models.linear", "ymr_spark.models.two_tower"

# In the order in which the pipeline fits them.
MODELS = (
    Entry("constant", f"{_LINEAR}.constant:Constant", "Constant"),
    Entry("user_lean", f"{_LINEAR}.user_lean:UserLean", "UserLean"),
    Entry("bias", f"{_LINEAR}.bias:Bias", "Bias", by_size=True),
    Entry("most_popular", f"{_LINEAR}.most_popular:MostPopular", "MostPopular", rates=False),
    Entry("best_mean", f"{_LINEAR}.best_mean:BestMean", "BestMean", rates=False),
    Entry(
        "similarity",
        "ymr_spark.models.neighbors.similarity:Similarity",
        "Similarity",
        NEIGHBORS,
        fallback="bias",
        tuned=(TunedSetting("shrinkage", "shrinkages"), TunedSetting("damping", "dampings")),
    ),
    Entry(
        "latent_factor",
        f"{_LINEAR}.latent_factor:LatentFactor",
        "LatentFactor",
        fallback="bias",
        tuned=_RANK,
        searched=True,
        by_size=True,
        warm=True,
    ),
    Entry(
        "implicit_als",
        f"{_LINEAR}.implicit_als:ImplicitAls",
        "ImplicitAls",
        rates=False,
        tuned=(
            TunedSetting("unobserved", "unobserved_weights"),
            TunedSetting("regularization", "implicit_regularizations"),
        ),
        searched=True,
        by_size=True,
    ),
    Entry(
        "item_neighbors",
        "ymr_spark.models.neighbors.item_neighbors:ItemNeighbors",
        "ItemNeighbors",
        WEIGHTS,
        rates=False,
        tuned=(TunedSetting("ridge", "ridges"),),
        searched=True,
    ),
    Entry(
        "als",
        f"{_LINEAR}.als:Als",
        "Als",
        fallback="bias",
        tuned=_REGULARIZED,
        searched=True,
        own_process=True,
    ),
    Entry(
        "two_tower_dot",
        f"{_DEEP}.estimators:TwoTowerDot",
        "TwoTowerDot",
        fallback="bias",
        deep=True,
        tuned=_DEEPLY,
        searched=True,
        by_size=True,
    ),
    Entry(
        "two_tower_mlp",
        f"{_DEEP}.estimators:TwoTowerMlp",
        "TwoTowerMlp",
        DENSE,
        fallback="bias",
        deep=True,
        tuned=_DEEPLY,
        searched=True,
        by_size=True,
    ),
    Entry(
        "two_tower_retrieval",
        f"{_DEEP}.estimators:TwoTowerRetrieval",
        "TwoTowerRetrieval",
        rates=False,
        deep=True,
        tuned=(
            TunedSetting("learning_rate", "learning_rates"),
            TunedSetting("l2", "retrieval_penalties"),
        ),
        searched=True,
        by_size=True,
    ),
    Entry(
        "two_tower_joint",
        f"{_DEEP}.estimators:TwoTowerJoint",
        "TwoTowerJoint",
        JOINT,
        fallback="bias",
        deep=True,
        tuned=(
            TunedSetting("learning_rate", "learning_rates"),
            TunedSetting("l2", "retrieval_penalties"),
            TunedSetting("listening", "listening_shares"),
        ),
        searched=True,
    ),
    # It scores what nobody rated by its content.
    Entry(
        "deep_cross",
        f"{_DEEP}.estimators:DeepCross",
        "DeepCross",
        deep=True,
        tuned=_DEEPLY,
    ),
)
FALLBACKS = {entry.fallback for entry in MODELS} - {None}
NAMES = tuple(entry.name for entry in MODELS)
RATING = tuple(entry.name for entry in MODELS if entry.rates)
RANKING = tuple(entry.name for entry in MODELS if entry.ranks_songs)
SEARCHED = tuple(entry.name for entry in MODELS if entry.searched)
TUNED = tuple(entry.name for entry in MODELS if entry.tuned)
BY_SIZE = tuple(entry.name for entry in MODELS if entry.by_size)


def named(name: str) -> Entry:
    """The entry of that name."""
    return next(entry for entry in MODELS if entry.name == name)
