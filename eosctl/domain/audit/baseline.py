"""The baseline file: findings that are known and shall not be told again, by rule and subject."""

import json
from collections.abc import Sequence

from eosctl.core.errors import UsageError
from eosctl.domain.audit.rule import Outcome, Status

SCHEMA = "eosctl.baseline/v1"


def read_baseline(text: str, path: str) -> frozenset[str]:
    """The fingerprints of a baseline file. Raises UsageError (`bad_baseline`)."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise UsageError(
            "bad_baseline", f"{path} is not JSON: {error}.", hint="Make one with --write-baseline FILE."
        ) from None
    findings = data.get("findings") if isinstance(data, dict) and data.get("schema") == SCHEMA else None
    if not isinstance(findings, list) or not all(isinstance(one, str) for one in findings):
        raise UsageError(
            "bad_baseline",
            f"{path} is not a baseline.",
            why=f"Its schema is not {SCHEMA}.",
            hint="Make one with --write-baseline FILE.",
        )
    return frozenset(findings)


def baseline_text(outcomes: Sequence[Outcome]) -> str:
    """The file's text for what was found, those ignored by an earlier baseline among them."""
    kept = sorted({one.fingerprint for one in outcomes if one.status in (Status.FOUND, Status.IGNORED)})
    return json.dumps({"schema": SCHEMA, "findings": kept}, indent=2, ensure_ascii=False) + "\n"
