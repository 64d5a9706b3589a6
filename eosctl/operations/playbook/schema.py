"""`playbook schema`: the JSON schema that editors complete from."""

import json
from collections.abc import Mapping
from typing import Any

from eosctl.core.operation import Example, Query
from eosctl.core.params import Params
from eosctl.core.report import Report
from eosctl.ports import Gateways


class PlaybookSchemaParams(Params):
    """Nothing to choose."""


def observe(gateways: Gateways, params: PlaybookSchemaParams) -> Mapping[str, Any]:
    """Made from the registry."""
    return gateways.playbooks.schema()


def report(schema: Mapping[str, Any], params: PlaybookSchemaParams) -> Report:
    """The schema itself for people and files; in the envelope for scripts."""
    return Report(schema, text=json.dumps(schema, indent=2))


OPERATION = Query(
    name="playbook.schema",
    summary="Print the JSON schema of playbook files",
    params=PlaybookSchemaParams,
    result=dict,
    listing=False,
    observe=observe,
    report=report,
    examples=(Example("eosctl playbook schema > playbook.schema.json", "For an editor's YAML support."),),
)
