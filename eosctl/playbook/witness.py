"""What a run tells its record on the way: every question and answer, and every plan before it is carried out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eosctl.core.plain import plain
from eosctl.core.plan import Plan
from eosctl.playbook.record import RunRecord
from eosctl.playbook.secrecy import Secrets
from eosctl.ports.clock import Clock
from eosctl.ports.person import PersonGateway
from eosctl.runtime.journal import Journal, OpenEntry


@dataclass
class Place:
    """Where the run is: the step's key, and which item of its list (-1: it has none)."""

    step: str = ""
    item: int = -1


class WitnessedPerson:
    """The person; what is asked and answered is recorded, and nobody is shown a secret."""

    def __init__(self, person: PersonGateway, record: RunRecord, secrets: Secrets, clock: Clock, place: Place) -> None:
        self._person, self._record, self._secrets, self._clock, self._place = person, record, secrets, clock, place

    def interactive(self) -> bool:
        """Whether somebody can answer."""
        return self._person.interactive()

    def say(self, text: str) -> None:
        """A line."""
        self._person.say(self._secrets.masked(text))

    def show_plan(self, plan: Plan) -> None:
        """The plan, masked. Raises Refused for one that holds a secret."""
        self._person.show_plan(self._secrets.plan_to_show(plan))

    def confirm(self, question: str) -> bool:
        """Yes or no."""
        answer = self._person.confirm(self._secrets.masked(question))
        self._asked(question, "yes" if answer else "no")
        return answer

    def answer(self, question: str) -> str:
        """A line of text."""
        answer = self._person.answer(self._secrets.masked(question))
        self._asked(question, answer)
        return answer

    def _asked(self, question: str, answer: str) -> None:
        self._record.write("asked", self._clock.now(), step=self._place.step, item=self._place.item,
                           question=question.strip(), answer=answer)  # fmt: skip


class WitnessedJournal(Journal):
    """The journal; `begun` hears of each entry's id and plan before the first change is made. Secrets are masked."""

    def __init__(self, journal: Journal, secrets: Secrets, begun: Callable[[str, Mapping[str, Any]], None]) -> None:
        super().__init__(journal.folder)
        self._secrets, self._begun = secrets, begun

    def begin(self, plan: Mapping[str, Any], *, at: datetime, who: str, undoes: str = "") -> OpenEntry:
        """A new entry."""
        entry = super().begin(self._secrets.masked(plan), at=at, who=who, undoes=undoes)
        if not undoes:
            self._begun(entry.id, plan)
        return MaskedEntry(entry, self._secrets)


class MaskedEntry(OpenEntry):
    """An entry whose events are masked: a server's answer may repeat what it was asked."""

    def __init__(self, entry: OpenEntry, secrets: Secrets) -> None:
        super().__init__(entry.path, entry.id)
        self._secrets = secrets

    def write(self, event: str, data: Mapping[str, Any]) -> None:
        """Appends one event."""
        super().write(event, self._secrets.masked(plain(data)))
