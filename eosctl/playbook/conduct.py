"""Carries one run out from its lock to its report, whatever happens on the way."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eosctl.core.errors import EosctlError, Interrupted, UsageError, did_you_mean
from eosctl.core.progress import NeverStop
from eosctl.playbook.actions import Hands
from eosctl.playbook.earlier import Earlier, canonical
from eosctl.playbook.expressions import filled, names_in, templates
from eosctl.playbook.loader import included, load
from eosctl.playbook.locking import locked
from eosctl.playbook.model import Playbook, Step, every_step
from eosctl.playbook.parameters import secrets_of, values_of
from eosctl.playbook.record import RunRecord
from eosctl.playbook.report import write_report
from eosctl.playbook.runner import Runner, Stopped
from eosctl.playbook.secrecy import Secrets
from eosctl.playbook.state import Run
from eosctl.playbook.witness import Place, WitnessedJournal, WitnessedPerson
from eosctl.ports.playbooks import RunOutcome, RunWish


@dataclass
class Conduct:
    """A run that is about to begin or to go on."""

    hands: Hands
    playbook: Playbook
    path: Path
    params: Mapping[str, Any]
    wish: RunWish
    record: RunRecord
    secrets: Secrets

    def carried_out(self, earlier: Earlier) -> RunOutcome:
        """Raises the error of the step that failed for good, after `finally`, record and report."""
        hands, wish, record = self.hands, self.wish, self.record
        run = self._run(earlier)
        status, said, error = "planned" if wish.dry_run else "done", "", None
        try:
            lock = "" if wish.dry_run else str(filled(self.playbook.lock, run.scope))
            with locked(lock, f"{hands.who}, run {record.id}", hands.fresh, run.hands.person.say) as guard:
                self._steps(Runner(run, self._include, guard))
        except Stopped as stop:
            status, said = ("stopped" if stop.well else "failed"), self.secrets.masked(stop.said)
        except EosctlError as failed:
            error = failed
            self.secrets.mask_error(error)
            status, said = ("interrupted" if isinstance(failed, Interrupted) else "failed"), failed.notice().message
        record.write("end", hands.gateways.clock.now(), status=status, said=said)
        if wish.report is not None:
            write_report(record, wish.report, hands.gateways.documents.drawing)
        if error is not None:
            told = "" if wish.dry_run or run.go_on_hint() in error.hint else f"\n{run.go_on_hint()}"
            hands.person.say(f"Run {record.id}: {status}. Its record: {record.folder}{told}")
            raise error
        return RunOutcome(record.id, self.playbook.name, status, said, str(record.folder), tuple(run.outcomes))

    def _run(self, earlier: Earlier) -> Run:
        hands, place = self.hands, Place()

        def begun(journal_id: str, plan: Mapping[str, Any]) -> None:
            item = run.item if place.item >= 0 else None
            run.journalled.append(journal_id)
            run.write("changing", step=place.step, item=place.item, journal_id=journal_id, plan=plan)
            run.earlier.plans[place.step, canonical(item)] = plan

        witnessed = replace(
            hands,
            person=WitnessedPerson(hands.person, self.record, self.secrets, hands.gateways.clock, place),
            journal=WitnessedJournal(hands.journal, self.secrets, begun),
        )
        scope = {"params": dict(self.params), "run": {"id": self.record.id}}
        run = Run(witnessed, self.wish, self.record, earlier, scope, place)
        return run

    def _steps(self, runner: Runner) -> None:
        try:
            runner.steps(self.playbook.steps)
        finally:
            if not self.wish.dry_run:
                with _unstopped(self.hands.gateways):
                    runner.at_end(self.playbook.at_end)

    def _include(self, name: str, arguments: Mapping[str, Any]) -> tuple[Playbook, Mapping[str, Any]]:
        inner = load(self.path.parent / name)
        params = values_of(inner, {key: str(value) for key, value in arguments.items()})
        self.secrets.learn(secrets_of(inner, params))
        return inner, params


@contextmanager
def _unstopped(gateways: Any) -> Iterator[None]:
    """A first Ctrl-C ended the steps and is not heard again by what must be done at the end."""
    stop, gateways.stop = gateways.stop, NeverStop()
    try:
        yield
    finally:
        gateways.stop = stop


def digest_of(path: Path) -> str:
    """Of the playbook and of all that it includes."""
    found = hashlib.sha256()
    for one in included(path):
        found.update(one.read_bytes() + b"\0")
    return found.hexdigest()


def begins_at(playbook: Playbook, start_at: str) -> None:
    """Refuses a `--from` that names no step, or one after a step whose result is still wanted. Raises UsageError."""
    if not start_at:
        return
    ids = [one.id for one in playbook.steps]
    if start_at not in ids:
        raise UsageError("unknown_step", f"{playbook.name} has no step {start_at!r}.",
                         hint=did_you_mean(start_at, ids) or f"There are {', '.join(ids)}.")  # fmt: skip
    at = ids.index(start_at)
    skipped = {name: one.id for one in playbook.steps[:at] for name in _registered(one)}
    for step in every_step((*playbook.steps[at:], *playbook.at_end)):
        missing = sorted(set(skipped) & _wanted(step))
        if missing:
            raise UsageError("from_too_late", f"Step {step.id} wants {missing[0]}, of step {skipped[missing[0]]}.",
                             why=f"--from {start_at} would skip that.",
                             hint=f"Give --from {skipped[missing[0]]}.")  # fmt: skip


def _registered(step: Step) -> set[str]:
    return {one.register_as for one in every_step((step,)) if one.register_as}


def _wanted(step: Step) -> set[str]:
    written = step.model_dump(exclude={"parallel", "on_failure"})
    conditions = [
        step.when,
        step.for_each,
        step.check.that if step.check else "",
        step.until.that if step.until else "",
    ]
    return {name for one in [*templates(written), *conditions] if one for name in names_in(one)}
