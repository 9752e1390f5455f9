"""conf/*.yaml plus `--set key=value` -> frozen, typed settings; unknown keys are errors."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ymr_spark import text_file
from ymr_spark.errors import SettingsError
from ymr_spark.pipeline import settings_yaml
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.settings_yaml import Place
from ymr_spark.store.locations import Location

# Where each value was given: a file's line, or an option.
Origins = dict[Place, str]


def load(path: Location, overrides: Iterable[str] = ()) -> Settings:
    """Read `path`, apply `a.b=c` overrides, validate.

    Raises:
        SettingsError: naming the file's line or the option, the key, and what was expected.
    """
    values, lines = settings_yaml.parsed(text_file.read(path, "pass --conf FILE"), str(path))
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: expected a mapping of settings, found {values!r}")
    _find_spark_defaults(values, path)
    origins: Origins = {place: f"{path}, line {line}" for place, line in lines.items()}
    for override in overrides:
        _apply(values, override, origins)
    try:
        return Settings.model_validate(values)
    except ValidationError as e:
        problems = (f"{_origin(p['loc'], origins) or path}: {_explain(p)}" for p in e.errors())
        raise SettingsError("; ".join(problems)) from e


def _find_spark_defaults(values: dict[str, Any], path: Location) -> None:
    """In the working directory or in a folder above the settings file."""
    name = values.get("spark_defaults")
    if isinstance(name, str) and name and isinstance(path, Path):
        places = (folder / name for folder in (Path(), *path.absolute().parents))
        values["spark_defaults"] = str(next(filter(Path.is_file, places), name))


def _apply(values: dict[str, Any], override: str, origins: Origins) -> None:
    key, equals, text = override.partition("=")
    *sections, last = key.split(".")
    if not equals or not all([*sections, last]):
        raise SettingsError(f"--set {override}: expected key=value, such as als.rank=32")
    for name in sections:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise SettingsError(f"--set {override}: {name} is a value, not a section")
    value, inside = settings_yaml.parsed(text, f"--set {override}")
    _merge(values, {last: value})
    place = (*sections, last)
    origins |= {place: f"--set {override}"}
    origins |= {(*place, *below): f"--set {override}" for below in inside}


def _merge(values: dict[str, Any], new: Mapping[str, Any]) -> None:
    """A section among the new values leaves the other keys of that section alone."""
    for name, value in new.items():
        if isinstance(value, dict) and isinstance(values.get(name), dict):
            _merge(values[name], value)
        else:
            values[name] = value


def _origin(place: Place, origins: Origins) -> str | None:
    known = (origins.get(place[:end]) for end in range(len(place), 0, -1))
    return next(filter(None, known), None)


def _explain(problem: Mapping[str, Any]) -> str:
    key = ".".join(map(str, problem["loc"]))
    expected: str = problem["msg"].removeprefix("Value error, ")
    if not key:
        return expected
    if problem["type"] != "extra_forbidden":
        return f"{key}: {expected}, found {problem['input']!r}"
    known = sorted(_keys(Settings))
    if key in known:
        return f"{key}: write the section and its key apart: {key.replace('.', ': {', 1)}: …}}"
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    return f"unknown key {key}; the nearest known key is {nearest[0]}"


def _keys(section: type[BaseModel], prefix: str = "") -> Iterable[str]:
    for name, field in section.model_fields.items():
        yield prefix + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, f"{prefix}{name}.")
