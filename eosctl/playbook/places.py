"""YAML with the place of everything in it, so that an error can name line and column. Duplicate keys are refused."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from eosctl.core.errors import UsageError

Path = tuple[str | int, ...]


@dataclass
class Document:
    """The plain data of a file and where each part of it stands (1-based line and column, by path)."""

    file: str
    data: Any
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def place(self, path: Sequence[str | int]) -> str:
        """`file:line:column` of a path, or of the nearest part above it."""
        for length in range(len(path), -1, -1):
            found = self.places.get(tuple(path[:length]))
            if found is not None:
                return f"{self.file}:{found[0]}:{found[1]}"
        return self.file


def read(text: str, file: str) -> Document:
    """Parses; raises UsageError (`bad_yaml`) with the place of the fault."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise UsageError("bad_yaml", f"{where}: {problem}.", hint="Mend the file; a YAML editor shows it.") from None
    document = Document(file, None)
    document.data = _built(node, (), document) if node is not None else None
    return document


def _built(node: yaml.Node, path: Path, document: Document) -> Any:
    document.places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document)
    if isinstance(node, yaml.SequenceNode):
        return [_built(one, (*path, number), document) for number, one in enumerate(node.value)]
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    finally:
        loader.dispose()


def _mapping(node: yaml.MappingNode, path: Path, document: Document) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        if key in built:
            raise UsageError("bad_yaml", f"{document.file}:{place[0]}:{place[1]}: {key!r} is there twice.",
                             hint="Keep one of the two.")  # fmt: skip
        document.places[(*path, key)] = place
        built[key] = _built(value_node, (*path, key), document)
    return built
