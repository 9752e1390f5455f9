"""conf/*.yaml plus `--set key=value` -> frozen, typed settings; unknown keys are errors."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from ymr_spark.errors import SettingsError
from ymr_spark.settings import Settings


def load(path: Path, overrides: Iterable[str] = ()) -> Settings:
    """Read `path`, apply `a.b=c` overrides, validate.

    Raises:
        SettingsError: naming the file or option, the key, and what was expected.
    """
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as e:
        raise SettingsError(f"{path}: cannot be read ({e.strerror}); pass --conf FILE") from e
    except yaml.YAMLError as e:
        raise SettingsError(f"{path}: not YAML: {e}") from e
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: expected a mapping of settings, found {values!r}")
    for override in overrides:
        _apply(values, override)
    try:
        return Settings.model_validate(values)
    except ValidationError as e:
        raise SettingsError(f"{path}: " + "; ".join(_explain(p) for p in e.errors())) from e


def _apply(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    *sections, last = key.split(".")
    if not equals or not all([*sections, last]):
        raise SettingsError(f"--set {override}: expected key=value, such as als.rank=32")
    for name in sections:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise SettingsError(f"--set {override}: {name} is a value, not a section")
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError as e:
        raise SettingsError(f"--set {override}: {text!r} is not a YAML value") from e


def _explain(problem: Mapping[str, Any]) -> str:
    key = ".".join(map(str, problem["loc"]))
    if not key:
        return str(problem["msg"])
    if problem["type"] != "extra_forbidden":
        return f"{key}: {problem['msg']}, found {problem['input']!r}"
    known = sorted(_keys(Settings))
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    return f"unknown key {key}; the nearest known key is {nearest[0]}"


def _keys(section: type[BaseModel], prefix: str = "") -> Iterable[str]:
    for name, field in section.model_fields.items():
        yield prefix + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, f"{prefix}{name}.")
