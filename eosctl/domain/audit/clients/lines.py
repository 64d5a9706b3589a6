"""Texts to flat keys with their lines: `.properties` files, and YAML or JSON documents."""

from collections.abc import Iterator
from typing import Any

from eosctl.core.errors import UsageError
from eosctl.core.yaml_problems import yaml_problem
from eosctl.domain.audit.clients.client import Setting

Flat = dict[str, Setting]


def properties_lines(text: str, path: str) -> Flat:
    """Keys and values of a Java or librdkafka `.properties` file. Raises UsageError that names the file."""
    import javaproperties

    found: Flat = {}
    line = 1
    try:
        for part in javaproperties.parse(text):
            key, value = getattr(part, "key", None), getattr(part, "value", None)
            if isinstance(key, str):
                found[key] = Setting(str(value), line)
            line += part.source.count("\n")
    except ValueError as error:
        raise UsageError(
            "bad_client_config", f"{path} is not a .properties file: {error}.", hint="Each line is key=value."
        ) from None
    return found


def yaml_lines(text: str, path: str) -> list[Flat]:
    """The documents of a YAML or JSON file, nested keys joined by dots. Raises UsageError that names file and line."""
    import yaml

    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise UsageError(
            "bad_client_config",
            f"{path} is not YAML: {yaml_problem(error)}.",
            hint="Correct it; tabs and unbalanced quotes are the usual suspects.",
        ) from None
    return [dict(_flat(node, "")) for node in nodes if node is not None]


def _flat(node: Any, prefix: str) -> Iterator[tuple[str, Setting]]:
    import yaml

    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = str(getattr(key, "value", "")).strip("[]")
            yield from _flat(value, f"{prefix}.{name}" if prefix else name)
    elif isinstance(node, yaml.SequenceNode):
        texts = [str(one.value) for one in node.value if isinstance(one, yaml.ScalarNode)]
        yield prefix, Setting(",".join(texts), node.start_mark.line + 1)
    elif prefix:
        yield prefix, Setting(str(node.value), node.start_mark.line + 1)
