"""The cards -> one HTML document that needs nothing beside itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jinja2

from ymr_spark.records.certificate import Certificate
from ymr_spark.records.figures import Ingested, Recommended
from ymr_spark.records.leaderboard import Leaderboard
from ymr_spark.records.manifest import Manifest
from ymr_spark.report import (
    about_comparison,
    about_genres,
    about_lists,
    about_members,
    about_models,
    about_ratings,
    about_settings,
    about_studies,
    reference,
)
from ymr_spark.report.card import TableRow, TableRows, number
from ymr_spark.scale import Scale

_KINDS = {
    "planted": "Planted data of the layout and shape of Yahoo! Music R2. No row of it is real.",
    "movielens-100k": "MovieLens-100K, real ratings of films.",
}


@dataclass(frozen=True)
class Source:
    """Where the ratings come from.

    Args:
        kind: raw.source of the settings.
        folder: of the raw files.
        ingest: what the ingest stage told.
        quarantined: rows (file, reason, lines, example).
        scale: of the ratings.
    """

    kind: str
    folder: str
    ingest: Ingested
    quarantined: TableRows
    scale: Scale


def render(
    source: Source,
    tables: Mapping[str, TableRows],
    board: Leaderboard,
    manifests: Sequence[Manifest],
    certificate: Certificate,
) -> str:
    """The page.

    Args:
        tables: summary tables by name, as rows, and those of
            `about_comparison.cards`, `about_lists.cards` and `about_studies.cards`.
        board: reports/leaderboard.json.
        manifests: of the stages' last runs, in the pipeline's order.
        certificate: reports/certificate.json.
    """
    recommended = (m.figures for m in manifests if isinstance(m.figures, Recommended))
    like_r2 = reference.is_of(source.kind, source.scale)
    sections = {
        "The models": [
            *about_models.cards(board, manifests, like_r2),
            *about_settings.cards(certificate.tuned),
        ],
        "Where they differ": [
            *about_studies.cards(board, tables["by_size"], tables["search"]),
            *about_comparison.cards(board, tables, source.scale),
        ],
        "Lists of songs": about_lists.cards(board, next(recommended, None), tables),
        "The ratings": about_ratings.cards(tables, source.scale, like_r2),
        "Genres": about_genres.cards(tables, source.scale, like_r2),
        "Users and songs": about_members.cards(tables, source.scale),
    }
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ymr_spark.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = number
    return environment.get_template("page.html").render(
        source=source,
        kind=_KINDS.get(source.kind, f"Ratings of {source.ingest.source}."),
        files=[*_files(source.ingest)],
        board=board,
        certificate=certificate,
        sections={title: cards for title, cards in sections.items() if cards},
    )


def _files(ingest: Ingested) -> list[TableRow]:
    files = {**ingest.files, "song-attributes.txt": ingest.songs}
    return [
        {
            "name": name,
            "lines": file.lines,
            "kept": file.kept,
            "quarantined": sum(file.quarantined.values()),
        }
        for name, file in files.items()
    ]
