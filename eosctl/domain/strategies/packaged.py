"""Reads the YAML files and templates of this package; the one place here that touches files, and only our own."""

from functools import cache
from importlib.resources import files
from typing import Any


@cache
def packaged(path: str) -> Any:
    """The data of a YAML file below this package, for example `tree.yaml`. Cached: treat it as read-only."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(packaged_text(path), loader)


def packaged_text(path: str) -> str:
    """The text of a file below this package."""
    return files("eosctl.domain.strategies").joinpath(path).read_text(encoding="utf-8")
