"""What each stage has to tell of its run; the rest of its manifest is the same for all."""

from typing import Any, Literal

from ymr_spark.identity import Identity
from ymr_spark.records.description import Description
from ymr_spark.records.learning_curve import Curve, Point
from ymr_spark.records.line_counts import LineCounts
from ymr_spark.records.record import Record


class Figures(Record):
    """`rows` is what the stage is about."""

    rows: int = 0


class Unchanged(Figures):
    """Of a job whose stages are up to date, and were not run."""

    status: Literal["unchanged"]


class Generated(Figures):
    """Rows of train and test; the least MSE that a model can have on test."""

    floor_mse: float


class Converted(Figures):
    """Rows of train and test; the lines of each file."""

    lines: dict[str, int]


class Addition(Record):
    """What a commit has added to the table of ratings: the version that it made, the files that
    were read, and their rows by split."""

    ratings_version: int
    files: list[str]
    splits: dict[str, Identity]


class Ingested(Figures):
    """What is in that version of the ratings table, and what became of the lines of each file.

    `source` is what the raw ratings were taken for, `unknown_genres` counts the songs whose genre
    is not in the tree. The first of `additions` made the table anew, and what it holds is the sum
    of all; `stamps` are the raw files as they were read, of sources that more can be added to, and
    `forgotten` is the file of users whose rows are not taken.
    """

    source: str

    splits: dict[str, Identity]
    ratings_version: int
    files: dict[str, LineCounts]
    songs: LineCounts
    unknown_genres: int
    additions: list[Addition]
    stamps: dict[str, tuple[int, int | str]]
    forgotten: tuple[int, int | str] | None


class Packed(Figures):
    """The ratings of that version of their table, by split, as they have been packed."""

    splits: dict[str, Identity]
    ratings_version: int


class Trained(Figures):
    """The rows of the final fit, by settings that are the `parameters`.

    `fit_seconds` are of the fit that validation has judged, to `chosen_on`, `final_fit_seconds`
    of the final one, 0 where there is none. `told` is what else the training has to tell.
    """

    model: str
    train_hash: str
    chosen_on: Identity
    fit_seconds: float
    final_fit_seconds: float
    predict_seconds: float
    parameters: dict[str, Any]
    learning_curve: Curve
    told: dict[str, Any]


class Choice(Record):
    """Values of some settings, and the least validation MSE of a training by them, or the NDCG@100
    of the lists."""

    settings: dict[str, Any]
    validation_mse: float | None = None
    validation_ndcg: float | None = None


class Tuned(Figures):
    """tuned/NAME.json: `rows` are the train rows of the largest sample.

    Attributes:
        trials: the budget, the same for every model.
        finalists: trials that were judged on the largest sample, the given settings among them.
        ranges: by setting, the lowest and the highest value that was to choose from.
        given: the settings that the trials began with.
        runner_up: the best but one on the largest sample.
        at_edge: settings whose best value is an end of what was to choose from.
        first_rung: the best and the worst `Point.error` of all trials on the smallest sample.
    """

    model: str
    trials: int
    finalists: int
    ranges: dict[str, tuple[float, float]]
    given: dict[str, Any]
    best: Choice
    runner_up: Choice | None
    at_edge: list[str]
    first_rung: tuple[float, float]


class Exported(Figures):
    """Rows of both splits; the ids of each index, without the 0 for unknown."""

    train: int
    validation: int
    index_sizes: dict[str, int]


class Evaluated(Figures):
    """Test rows, and the models judged on them."""

    models: int


class Verified(Figures):
    """Rows of all splits, and the models whose predictions are those of the certificate."""

    status: Literal["verified"]
    models: int


class Recommended(Figures):
    """Rows written, by that model; of so many users they were checked against brute force."""

    model: str
    verified: int
    described: Description


class Reported(Figures):
    """Test rows, and the size of the page."""

    bytes: int


class ComparedBySize(Figures):
    """Train rows of the largest size; models in the table."""

    fits: int


class Best(Point):
    """The best epoch of the best trial."""

    parameters: dict[str, Any]


class Searched(Figures):
    """Rows held out in all folds."""

    model: str
    best: Best


class Maintained(Figures):
    """Files that nothing needs any more, their bytes by kind, and those of all that is there."""

    status: Literal["to remove", "removed"]
    superseded: dict[str, int]
    contents: dict[str, int]


class Closed(Figures):
    """Test rows, and the page that the pipeline ended with."""

    report: str


_KINDS: dict[str, type[Figures]] = {
    "generate_r2": Generated,
    "convert_movielens": Converted,
    "ingest": Ingested,
    "pack": Packed,
    "tune": Tuned,
    "train": Trained,
    "export_shards": Exported,
    "evaluate": Evaluated,
    "recommend": Recommended,
    "report": Reported,
    "compare_by_size": ComparedBySize,
    "search": Searched,
}


def kind(job: str) -> type[Figures]:
    """What a job of that name tells of a run."""
    return _KINDS.get(job, Figures)
