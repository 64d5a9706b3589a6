"""The JSON schema of playbook files: the model's own, with every action and its parameters from the registry."""

from typing import Any

from eosctl.operations import registry
from eosctl.playbook.loader import FORBIDDEN
from eosctl.playbook.model import Playbook

_TEMPLATE = {"type": "string", "pattern": r"\$\{\{"}


def schema_of_playbooks() -> dict[str, Any]:
    """Draft 2020-12; a step's `with` is checked against the parameters of its action."""
    schema = Playbook.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    actions = [one for one in registry.all_operations() if one.noun not in FORBIDDEN]
    step = schema["$defs"]["Step"]
    step["properties"]["run"] = {"enum": [one.name for one in actions]}
    step["allOf"] = [
        {
            "if": {"properties": {"run": {"const": one.name}}, "required": ["run"]},
            "then": {"properties": {"with": _arguments(one.params.model_json_schema())}},
        }
        for one in actions
    ]
    return schema


def _arguments(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters' schema; every value may be a template instead. What the command line adds is left out."""
    properties = {
        name: {
            "anyOf": [_TEMPLATE, _inlined(value, params.get("$defs", {}))],
            "description": value.get("description", ""),
        }
        for name, value in params.get("properties", {}).items()
    }
    return {"type": "object", "properties": properties, "required": params.get("required", []),
            "additionalProperties": False}  # fmt: skip


def _inlined(value: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        if "$ref" in value:
            return _inlined(definitions[value["$ref"].rpartition("/")[2]], definitions)
        return {key: _inlined(inner, definitions) for key, inner in value.items() if key != "eosctl.cli"}
    return [_inlined(inner, definitions) for inner in value] if isinstance(value, list) else value
