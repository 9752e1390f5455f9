"""YAML by the core schema of its version 1.2, each key once and with its line."""

import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ymr_spark.errors import SettingsError

# The names of a section and a key, or the position in a list.
Place = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """010 is ten and 1e-4 a number; yes, 1:30 and 2026-01-31 are text."""


_KEPT = (None, *(f"tag:yaml.org,2002:{kind}" for kind in ("null", "str", "seq", "map")))
_Loader.yaml_implicit_resolvers = {}
_Loader.yaml_constructors = {tag: yaml.SafeLoader.yaml_constructors[tag] for tag in _KEPT}


def _is(kind: str, pattern: str, first: str, made: Any) -> None:
    tag = f"tag:yaml.org,2002:{kind}"
    _Loader.add_implicit_resolver(tag, re.compile(f"(?:{pattern})$"), [*first])
    if made is not None:
        _Loader.yaml_constructors[tag] = lambda loader, node: made(loader.construct_scalar(node))


def _integer(text: str) -> int:
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


_is("null", "~|null|Null|NULL|", "~nN", None)
_Loader.yaml_implicit_resolvers[""] = _Loader.yaml_implicit_resolvers["~"]
_is("bool", "true|True|TRUE|false|False|FALSE", "tTfF", lambda text: text.lower() == "true")
_is("int", "[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789", _integer)
_is("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789", float)


def parsed(text: str, where: str) -> tuple[Any, dict[Place, int]]:
    """The value, and the line of each place in it, counted from 1.

    Args:
        where: begins the errors: the file or option.

    Raises:
        SettingsError: the text is not YAML, or a mapping has a key twice.
    """
    try:
        loader = _Loader(text)
    except yaml.YAMLError as e:
        raise SettingsError(f"{where}: not a YAML value: {e}") from e
    try:
        node = loader.get_single_node()
        value = None if node is None else loader.construct_document(node)
        return value, dict(_lines(node, (), where))
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        raise SettingsError(f"{where}: not a YAML value: {e}") from e
    finally:
        loader.dispose()


def _lines(node: Node | None, place: Place, where: str) -> Iterator[tuple[Place, int]]:
    inside: list[tuple[str | int, Node, int]] = []
    if isinstance(node, MappingNode):
        inside = [(key.value, value, _line(key)) for key, value in _once(node, where)]
    elif isinstance(node, SequenceNode):
        inside = [(number, value, _line(value)) for number, value in enumerate(node.value)]
    for name, value, line in inside:
        yield (*place, name), line
        yield from _lines(value, (*place, name), where)


def _once(node: MappingNode, where: str) -> Iterator[tuple[ScalarNode, Node]]:
    first: dict[str, int] = {}
    for key, value in node.value:
        if key.value in first:
            raise SettingsError(
                f"{where}, line {_line(key)}: {key.value} is there already, in line "
                f"{first[key.value]}; write each key once, with all that belongs to it"
            )
        first[key.value] = _line(key)
        yield key, value


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
