"""ratings, songs, genres -> tuned/: choose settings of the models that are named, on samples."""

import logging
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.errors import SettingsError
from ymr_spark.models import registry
from ymr_spark.models.registry import Entry
from ymr_spark.pipeline import checkpoints, cli, fitting, provenance
from ymr_spark.pipeline.publication import train_identity
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Choice, Tuned
from ymr_spark.records.learning_curve import Curve, Point
from ymr_spark.search import space, study
from ymr_spark.search.samples import Sample, of_both
from ymr_spark.search.study import Parameters, Trial
from ymr_spark.store import atomically
from ymr_spark.store.locations import Location

log = logging.getLogger(__name__)
# What models of one run share, by the number of train rows, about.
Samples = dict[int, Sample]
_RUNGS, _STEPS, _LEAST_BATCH = 3, 256, 64


def run(
    spark: SparkSession,
    warehouse: Warehouse,
    settings: Settings,
    model: str,
    samples: Samples | None = None,
) -> Tuned:
    """Choose the settings of a model; write them with what was tried."""
    entry = registry.named(model)
    rungs = _nested(spark, warehouse, settings, {} if samples is None else samples)
    content = (warehouse.load("songs"), warehouse.load("genres")) if entry.deep else None
    given = {chosen.setting: settings.of(model)[chosen.setting] for chosen in entry.tuned}
    ranges = space.of_samples(entry.tuned, settings.tune, given)
    sizes = [sample.identities["train"].rows for sample in rungs]
    rows = train_identity(warehouse).rows
    log.info("tuning %s", model)
    trials = study.search(
        _journal(warehouse, settings, entry),
        ranges,
        [given],
        [
            partial(_curves, sample, entry, settings, content, small=size < rows)
            for sample, size in zip(rungs, sizes, strict=True)
        ],
        trials=settings.tune.trials,
        seed=settings.seed,
        reduction=settings.tune.reduction,
    )
    ends = {name: (float(r.low), float(r.high)) for name, r in ranges.items()}
    tuned = _tuned(entry, sizes[-1], study.best(trials, _beyond(sizes, rows)), trials, given, ends)
    log.info("%s: %s", model, tuned.best.settings)
    atomically.write(warehouse.path(entry.choice[0]), tuned.model_dump_json(indent=1))
    return tuned


def _nested(
    spark: SparkSession, warehouse: Warehouse, settings: Settings, samples: Samples
) -> list[Sample]:
    """The samples that models climb, the smallest first."""
    section, rows = settings.tune, train_identity(warehouse).rows
    largest = min(section.sample_ratings, rows)
    wanted = (largest // section.reduction**rung for rung in range(_RUNGS))
    sizes = sorted(size for size in wanted if size in (largest, max(size, section.least_ratings)))
    governed_by = {
        "rows": asdict(train_identity(warehouse)),
        "seed": settings.seed,
        "code": provenance.code(__file__),
    }
    folder = checkpoints.of_training(warehouse.path("models/tuning/shards/"), governed_by)
    everything = warehouse.read(spark, "ratings").where(F.col("split") != "test")
    for size in reversed(sizes):
        if size not in samples:
            # Cut from the next larger one, where there is one, without another scan of all rows.
            larger = [samples[s].rows for s in sorted(samples) if s > size]
            ratings = of_both(next(iter(larger), everything), size / rows, settings.seed)
            place = folder / str(size), settings.seed
            columns = fitting.COLUMNS, settings.of("bias")
            samples[size] = Sample(ratings.persist(), *place, *columns)
    if samples[sizes[0]].identities.keys() != {"train", "validation"}:
        raise SettingsError(
            f"tune: a sample of about {sizes[0]:,} train rows has no user with train and "
            "validation rows; raise sample_ratings or lower reduction"
        )
    return [samples[size] for size in sizes]


def _curves(
    sample: Sample,
    entry: Entry,
    settings: Settings,
    content: tuple[pa.Table, pa.Table] | None,
    parameters: Parameters,
    *,
    small: bool,
) -> list[Curve]:
    values = settings.of(entry.name) | parameters
    if entry.deep and small:
        # As many steps an epoch as a few hundred, or a row would be in a batch many times.
        most = max(_LEAST_BATCH, sample.identities["train"].rows // _STEPS)
        values["batch_size"] = min(values["batch_size"], most)
        values["max_epochs"] = settings.tune.max_epochs
    return [sample.fit(entry, values, content)]


def _journal(warehouse: Warehouse, settings: Settings, entry: Entry) -> Location:
    """The file of this very search; more trials are the same search."""
    governed_by = {
        "rows": asdict(train_identity(warehouse)),
        "seed": settings.seed,
        "code": provenance.code(__file__, entry.module),
        "tune": settings.tune.model_dump(exclude={"trials"}),
        "models": {name: settings.of(name) for name in {"bias", entry.name}},
    }
    folder = warehouse.path("models/tuning/") / entry.name
    return checkpoints.of_training(folder, governed_by) / "journal.log"


def _beyond(sizes: Sequence[int], rows: int) -> float:
    """How often all rows are more than the largest sample by as much as that is than the next."""
    if len({*sizes[-2:]}) < 2:
        return 0.0
    return math.log(rows / sizes[-1]) / math.log(sizes[-1] / sizes[-2])


def _tuned(
    entry: Entry,
    rows: int,
    finalists: Sequence[tuple[Parameters, Point]],
    trials: Sequence[Trial],
    given: Parameters,
    ranges: dict[str, tuple[float, float]],
) -> Tuned:
    best, *others = [
        Choice(
            settings=parameters,
            validation_mse=point.validation_mse,
            validation_ndcg=point.validation_ndcg,
        )
        for parameters, point in finalists
    ]
    first = [trial.errors[0] for trial in trials if trial.errors]
    return Tuned(
        rows=rows,
        model=entry.name,
        trials=len(trials),
        finalists=1 + len(others),
        ranges=ranges,
        given=given,
        best=best,
        runner_up=others[0] if others else None,
        at_edge=_at_edge(entry, best.settings, ranges),
        first_rung=(min(first), max(first)),
    )


def _at_edge(entry: Entry, chosen: Parameters, ranges: dict[str, tuple[float, float]]) -> list[str]:
    """Settings whose value is an end of its range, if there is more to choose from beyond it."""
    found = []
    for setting in entry.tuned:
        low, high = ranges[setting.setting]
        ends = (high,) if setting.from_given else (low, high)
        found += [setting.setting] if chosen[setting.setting] in ends else []
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job by its arguments; return its exit code."""
    samples: Samples = {}
    return cli.models_main("tune", __doc__, __file__, partial(run, samples=samples), argv)


if __name__ == "__main__":
    sys.exit(main())
