"""What is known of a change afterwards: an entry of the journal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class JournalEntry:
    """One change. `status`: done, partial, failed, interrupted (its process died) or undone.

    `plan` and `receipts` are the plain data that the journal holds, secrets masked; `intents` are the numbers of the
    steps that were begun.
    """

    id: str
    at: datetime
    operation: str
    status: str
    summary: str
    plan: Mapping[str, Any]
    receipts: tuple[Mapping[str, Any], ...] = ()
    intents: tuple[int, ...] = ()
    who: str = ""
    undoes: str = ""
    undone_by: str = ""
