"""The report of a crash test as values: what is in it; `render/proof_page.py` writes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from eosctl.core.documents import Document
from eosctl.domain.proof.checks import Check
from eosctl.domain.proof.counting import Tally
from eosctl.domain.proof.stories import Course, Mark, Story

SCHEMA = "eosctl.verify/v1"


@dataclass(frozen=True)
class Part:
    """One trial of the report: a strategy's, its control's, or that of the user's own program."""

    title: str
    says: str
    tally: Tally
    checks: Sequence[Check]
    course: Course
    grown: Sequence[Mark]
    stories: Sequence[Story]


@dataclass(frozen=True)
class Chapter:
    """A strategy or a program: its verdict and its trials."""

    title: str
    verdict: str
    says: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class ProofDocument(Document):
    """The report in one file; `data` are the proofs themselves."""

    chapters: tuple[Chapter, ...] = ()
