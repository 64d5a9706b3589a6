"""Findings as SARIF 2.1.0 (OASIS), for code scanning: one run, its rules, results with file and line."""

import hashlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from eosctl.domain.audit.rule import Outcome, Rule, Severity, Status

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def sarif(outcomes: Sequence[Outcome], rules: Sequence[Rule], version: str) -> dict[str, Any]:
    """The whole log. Ignored findings are results with a suppression; what was not checked is a notification."""
    numbers = {one.id: number for number, one in enumerate(rules)}
    shown = [one for one in outcomes if one.status in (Status.FOUND, Status.IGNORED)]
    notifications = [_notification(one) for one in outcomes if one.status is Status.NOT_CHECKED]
    driver = {
        "name": "eosctl",
        "semanticVersion": version,
        "rules": [_rule(one) for one in rules],
    }
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "results": [_result(one, numbers[one.rule.id]) for one in shown],
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": notifications,
                    }
                ],
            }
        ],
    }


def _rule(one: Rule) -> dict[str, Any]:
    return {
        "id": one.id,
        "shortDescription": {"text": f"{one.title}."},
        "fullDescription": {"text": one.why},
        "help": {"text": f"{one.why} Mend: {one.mend}"},
        "helpUri": one.link,
        "defaultConfiguration": {"level": _LEVELS[one.severity]},
        "properties": {"area": one.area.value},
    }


def _result(one: Outcome, number: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": one.rule.id,
        "ruleIndex": number,
        "level": _LEVELS[one.rule.severity],
        "message": {"text": f"{one.rule.title}: {one.seen}. {one.rule.why} Mend: {one.mend}"},
        "locations": [_location(one)],
        "partialFingerprints": {"eosctl/v1": hashlib.sha256(one.fingerprint.encode()).hexdigest()},
    }
    if one.status is Status.IGNORED:
        result["suppressions"] = [{"kind": "external"}]
    return result


def _location(one: Outcome) -> dict[str, Any]:
    location: dict[str, Any] = {
        "logicalLocations": [{"name": one.subject, "fullyQualifiedName": one.subject, "kind": one.rule.area.value}]
    }
    if one.file:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": quote(one.file.replace("\\", "/"))},
            "region": {"startLine": max(1, one.line)},
        }
    return location


def _notification(one: Outcome) -> dict[str, Any]:
    return {
        "level": "warning",
        "message": {"text": f"{one.rule.id} was not checked on {one.subject}: {one.seen}"},
        "associatedRule": {"id": one.rule.id},
    }
