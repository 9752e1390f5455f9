"""The shape of every model, that of pyspark.ml: an Estimator that is fitted to a DataFrame."""

import inspect
from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import ValidationError
from pyspark.ml import Estimator
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasSeed, HasValidationIndicatorCol
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable, MLWriter
from pyspark.sql import DataFrame

from ymr_spark.errors import SettingsError
from ymr_spark.models import registry
from ymr_spark.models.columns import RatingColumns
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.records.learning_curve import Curve, Point
from ymr_spark.setting_types import Section
from ymr_spark.store import scratch
from ymr_spark.store.locations import Location

Fitted = TypeVar("Fitted", bound=RatingModel[Any])
_COLUMNS = {
    "userCol": "user",
    "itemCol": "item",
    "ratingCol": "rating",
    "predictionCol": "prediction",
    "fallbackCol": "fallback",
}
# What pyspark.ml calls these settings.
_PARAMS = {
    "iterations": "maxIter",
    "max_iterations": "maxIter",
    "regularization": "regParam",
    "tolerance": "tol",
}


def param_of(setting: str) -> str:
    """The name of the Param that holds a setting: max_epochs -> maxEpochs."""
    first, *others = setting.split("_")
    return _PARAMS.get(setting, first + "".join(map(str.capitalize, others)))


class HasCheckpointDir(Params):
    """For trainings of many steps."""

    checkpointDir: Param[str] = Param(
        Params._dummy(),
        "checkpointDir",
        "folder from which a training that was interrupted goes on",
        TypeConverters.toString,
    )

    def checkpoints(self) -> AbstractContextManager[Location]:
        """That folder, or one that goes when the training ends."""
        kept = self.isSet("checkpointDir")
        return scratch.named_or_temporary(self.getOrDefault("checkpointDir") if kept else None)


class RatingEstimator(
    Estimator[Fitted],
    RatingColumns,
    HasSeed,
    HasValidationIndicatorCol,
    DefaultParamsWritable,
    DefaultParamsReadable["RatingEstimator[Any]"],
    Generic[Fitted],
):
    """A model to be fitted to ratings of items by users.

    Its Params are the columns, `seed` and the settings of its section, with their defaults and
    bounds. A subclass names its `section` and says in `_train` how it is
    fitted.
    """

    section: ClassVar[type[Section]]
    # Whether it starts from a fitted bias model, which scores what it does not know.
    falls_back: ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "section" not in cls.__dict__:
            return
        for setting, field in cls.section.model_fields.items():
            name = param_of(setting)
            says = field.description or setting.replace("_", " ")
            setattr(cls, name, Param(Params._dummy(), name, says))
            setattr(cls, f"get{name[0].upper()}{name[1:]}", _getter(name))
            setattr(cls, f"set{name[0].upper()}{name[1:]}", _setter(name))
        keyword = inspect.Parameter.KEYWORD_ONLY
        defaults = {**_COLUMNS, "seed": 1, **cls._defaults()}
        parameters = [inspect.Parameter(n, keyword, default=v) for n, v in defaults.items()]
        cls.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]

    def __init__(self, **params: Any) -> None:
        """
        Args:
            params: by name; what is not given has its default.

        Raises:
            SettingsError: no such Param, or a value out of its bounds.
        """
        super().__init__()
        self.fallback: RatingModel[Any] | None = None
        self.start: bytes | None = None
        self._setDefault(**_COLUMNS, seed=1, **self._defaults())
        if unknown := sorted(name for name in params if not self.hasParam(name)):
            known = ", ".join(param.name for param in self.params)
            raise SettingsError(f"{type(self).__name__}: no {unknown[0]}; there are {known}")
        self._set(**params)
        self.settings()

    @classmethod
    def of_settings(cls, values: dict[str, Any], **columns: Any) -> "RatingEstimator[Fitted]":
        """The estimator with these values of its section, by the settings' names."""
        return cls(**{param_of(name): value for name, value in values.items()}, **columns)

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        return {param_of(n): v for n, v in cls.section().model_dump(mode="json").items()}

    def settings(self) -> dict[str, Any]:
        """The values of its section, by the settings' names; SettingsError where out of bounds."""
        values = {s: self.getOrDefault(param_of(s)) for s in self.section.model_fields}
        try:
            return self.section.model_validate(values).model_dump(mode="json")
        except ValidationError as e:
            wrong = "; ".join(f"{param_of(str(p['loc'][0]))}: {p['msg']}" for p in e.errors())
            raise SettingsError(f"{type(self).__name__}: {wrong}") from e

    def setFallback(self, model: RatingModel[Any]) -> "RatingEstimator[Fitted]":
        """Start from this model, fitted to the very same ratings, instead of one of its own."""
        self.fallback = model
        return self

    def setStart(self, found: bytes) -> "RatingEstimator[Fitted]":
        """Begin with what a model of this kind has `found` in other ratings, whose songs are
        mostly the same; kinds of model that cannot begin anywhere take no notice."""
        self.start = found
        return self

    def write(self) -> MLWriter:
        """As every estimator; SettingsError where it is to start from a fitted model."""
        given = {"setFallback": self.fallback, "setStart": self.start}
        for setter in [name for name, value in given.items() if value is not None]:
            raise SettingsError(
                f"{type(self).__name__}: what {setter} has given is not saved with an "
                "estimator; save the fitted model"
            )
        return super().write()

    def _fit(self, dataset: DataFrame) -> Fitted:
        ratings = self.ratings_of(dataset)
        try:
            return self.fit_ratings(ratings)
        finally:
            ratings.unpersist()

    def ratings_of(self, dataset: DataFrame) -> TrainRatings:
        """The ratings in this estimator's columns of a frame; raises as `TrainRatings.of`."""
        held = self.isSet("validationIndicatorCol")
        return TrainRatings.of(
            dataset,
            self.column("userCol"),
            self.column("itemCol"),
            self.column("ratingCol"),
            self.getOrDefault("validationIndicatorCol") if held else None,
        )

    def fit_ratings(self, ratings: TrainRatings) -> Fitted:
        """`fit` to ratings that several models are fitted to."""
        settings, fallback = self.settings(), self.fallback
        if self.falls_back and fallback is None:
            fallback = self._own_fallback(ratings)
        return self._known(self._train(ratings, settings, fallback), ratings, fallback)

    def refit(self, chosen: Fitted, ratings: TrainRatings) -> Fitted:
        """`fit_ratings` to all of these ratings, with nothing held out, for as many rounds as
        `chosen` came to when it stopped by those that were.

        Args:
            ratings: those that `chosen` was fitted to.
        """
        return self._settled(chosen).fit_ratings(ratings.with_validation)

    def update(self, chosen: Fitted, ratings: TrainRatings) -> Fitted:
        """`chosen`, gone on with to all of these ratings from where it is: about what `refit`
        gives, for much less where a fit is dear."""
        return self.refit(chosen, ratings)

    def _settled(self, chosen: Fitted) -> "RatingEstimator[Fitted]":
        settled = self.copy()
        settled._set(**{param_of(name): value for name, value in self._rounds(chosen).items()})
        if isinstance(settled, HasCheckpointDir) and settled.isSet("checkpointDir"):
            folder = settled.getOrDefault("checkpointDir")
            settled.set(settled.checkpointDir, f"{folder}/refit")
        return settled

    def _rounds(self, chosen: Fitted) -> dict[str, Any]:
        """The settings that say how long to go on, where it is the held-out rows that do."""
        return {}

    def _known(
        self, model: Fitted, ratings: TrainRatings, fallback: RatingModel[Any] | None
    ) -> Fitted:
        model.fallback = fallback
        model.users, model.items, model.rated = ratings.users, ratings.songs, ratings.rated
        return self._copyValues(model)

    def curve(self, ratings: TrainRatings) -> Curve:
        """Errors by epoch or iteration of a training to its very end.

        One point where the training shows no epochs: that of the fitted model.
        """
        model = self.fit_ratings(ratings)
        train, validation = map(model.mse, (ratings.train_arrays, ratings.validation_arrays))
        return [Point(epoch=1, train_mse=train, validation_mse=validation)]

    def _own_fallback(self, ratings: TrainRatings) -> RatingModel[Any]:
        bias = registry.imported(registry.named("bias").estimator)
        same = {name: self.getOrDefault(name) for name in (*_COLUMNS, "seed")}
        fitted: RatingModel[Any] = bias(**same).fit_ratings(ratings)
        return fitted

    @abstractmethod
    def _train(
        self, ratings: TrainRatings, settings: dict[str, Any], fallback: RatingModel[Any] | None
    ) -> Fitted:
        """The fitted model; what it shares with others is filled in by `fit_ratings`."""


def _getter(name: str) -> Any:
    def get(self: Params) -> Any:
        return self.getOrDefault(name)

    get.__doc__ = f"The value of {name}, or its default."
    return get


def _setter(name: str) -> Any:
    def set_(self: Params, value: Any) -> Params:
        return self._set(**{name: value})

    set_.__doc__ = f"Set {name}."
    return set_
