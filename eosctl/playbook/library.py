"""The PlaybooksGateway: finds playbooks, checks them, begins and resumes runs."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import eosctl
from eosctl.core.errors import Refused, UsageError, did_you_mean
from eosctl.core.operation import Change
from eosctl.operations import registry
from eosctl.playbook.actions import Hands
from eosctl.playbook.conduct import Conduct, begins_at, digest_of
from eosctl.playbook.earlier import Earlier, earlier_of
from eosctl.playbook.loader import inspect, load
from eosctl.playbook.model import Playbook, every_step
from eosctl.playbook.parameters import secrets_of, values_of, without_secrets
from eosctl.playbook.record import RunRecord, find_run
from eosctl.playbook.schema import schema_of_playbooks
from eosctl.playbook.secrecy import Secrets
from eosctl.ports.playbooks import PlaybookSummary, RunOutcome, RunWish


class PlaybookLibrary:
    """Playbooks of this directory and those that ship with eosctl."""

    def __init__(self, hands: Hands, environment: str) -> None:
        self._hands = hands
        self._environment = environment

    def all(self) -> tuple[PlaybookSummary, ...]:
        """By name; one of this directory hides a shipped one."""
        found: dict[str, Path] = {}
        for folder in reversed(folders()):
            found |= {path.stem: path for path in sorted(folder.glob("*.yaml"))}
        return tuple(_summary(found[name]) for name in sorted(found))

    def show(self, name: str) -> tuple[PlaybookSummary, str]:
        """By name or file."""
        path = self._path(name)
        return _summary(path), path.read_text(encoding="utf-8")

    def validate(self, name: str) -> tuple[str, ...]:
        """Every fault."""
        return inspect(self._path(name))[1]

    def schema(self) -> Mapping[str, Any]:
        """For editors."""
        return schema_of_playbooks()

    def run(self, name: str, wish: RunWish) -> RunOutcome:
        """A new run."""
        path = self._path(name)
        self._somebody_for_each_step(wish)
        playbook = load(path)
        params = values_of(playbook, wish.params)
        self._require(playbook)
        begins_at(playbook, wish.start_at)
        at, hands = self._hands.gateways.clock.now(), self._hands
        run = f"{at:%Y%m%dT%H%M%S}-{playbook.name}-{token_hex(2)}"
        secrets = Secrets(secrets_of(playbook, params))
        record = RunRecord.begin(run, secrets, path.read_text(encoding="utf-8"))
        record.write(
            "begin", at, who=hands.who, playbook=playbook.name, summary=playbook.summary, owner=playbook.owner,
            links=playbook.links, file=str(path.resolve()), digest=digest_of(path), params=params,
            dry_run=wish.dry_run, given=dict(wish.params), yes=wish.yes, step=wish.ask_each, start_at=wish.start_at,
            profile=hands.situation.profile, environment=self._environment,
        )  # fmt: skip
        return Conduct(hands, playbook, path, params, wish, record, secrets).carried_out(Earlier())

    def resume(self, run: str, wish: RunWish, *, accept_changed: bool) -> RunOutcome:
        """Goes on: steps and items that are done are not done again."""
        self._somebody_for_each_step(wish)
        folder = find_run(run)
        events = RunRecord(folder).events()
        begin, hands = events[0], self._hands
        path = Path(begin["file"])
        if begin["dry_run"]:
            raise Refused("dry_run", f"{folder.name} was a dry run: there is nothing to resume.", hint="Run it.")
        if events[-1]["event"] == "end" and events[-1]["status"] in ("done", "stopped"):
            raise Refused("run_over", f"{folder.name} is over: it is {events[-1]['status']}.", hint="Run it anew.")
        playbook = load(path)
        accepted = [one["digest"] for one in events if one["event"] in ("begin", "resume")]
        if digest_of(path) != accepted[-1] and not accept_changed:
            raise Refused("playbook_changed", f"{path.name} was changed since the run began.",
                          why="Steps that were done may mean something else now.",
                          hint=f"Compare it with {folder / 'playbook.yaml'}, then give --accept-changed.")  # fmt: skip
        params = values_of(playbook, {**without_secrets(playbook, begin["given"]), **wish.params})
        self._require(playbook)
        secrets = Secrets(secrets_of(playbook, params))
        record = RunRecord(folder, secrets)
        record.mend()
        record.write("resume", hands.gateways.clock.now(), who=hands.who, digest=digest_of(path), yes=wish.yes,
                     given=dict(wish.params), accept_changed=accept_changed)  # fmt: skip
        earlier = earlier_of(events, self._is_undone)
        wish = replace(wish, start_at=begin.get("start_at", ""))
        return Conduct(hands, playbook, path, params, wish, record, secrets).carried_out(earlier)

    def _is_undone(self, journal_id: str) -> bool:
        try:
            return self._hands.journal.entry(journal_id).status == "undone"
        except UsageError:
            return False  # the journal was moved away: what the record says holds

    def _somebody_for_each_step(self, wish: RunWish) -> None:
        if wish.ask_each and not self._hands.person.interactive():
            raise Refused("nobody_there", "Nobody is there to be asked before each step.",
                          why="Standard input is not a terminal.", hint="Leave --step out.")  # fmt: skip

    def _path(self, name: str) -> Path:
        found = file_of(name)
        if found is not None:
            return found
        known = [one.name for one in self.all()]
        raise UsageError("unknown_playbook", f"There is no playbook {name!r}.",
                         hint=did_you_mean(name, known) or f"There are {', '.join(known)}.")  # fmt: skip

    def _require(self, playbook: Playbook) -> None:
        wanted = playbook.requires
        if wanted.min_version and _version(eosctl.__version__) < _version(wanted.min_version):
            raise Refused("old_version", f"{playbook.name} wants eosctl {wanted.min_version}.",
                          why=f"This is {eosctl.__version__}.", hint="Upgrade it.")  # fmt: skip
        if wanted.environments and self._environment not in wanted.environments:
            named = self._environment or "none"
            raise Refused("other_environment", f"{playbook.name} is made for {', '.join(wanted.environments)}.",
                          why=f"The profile's environment is {named}.", hint="Choose a profile that fits.")  # fmt: skip


def folders() -> tuple[Path, ...]:
    """Where playbooks are looked for, the first wins: ./playbooks, then the shipped ones."""
    package = Path(eosctl.__file__).parent
    every = (Path("playbooks"), package / "_playbooks", package.parent / "playbooks")
    return tuple(one for one in every if one.is_dir())


def file_of(name: str) -> Path | None:
    """A playbook's file: the name itself when it is one, else the first of that name; None when there is none."""
    if Path(name).suffix in (".yaml", ".yml"):
        return Path(name)
    return next((path for folder in folders() if (path := folder / f"{name}.yaml").exists()), None)


def _summary(path: Path) -> PlaybookSummary:
    playbook, faults = inspect(path)
    if playbook is None:
        return PlaybookSummary(path.stem, "it can't be read", "", (), changes=False, file=str(path), faults=len(faults))
    steps = every_step((*playbook.steps, *playbook.at_end))
    changes = any(one.run and isinstance(_operation(one.run), Change) for one in steps)
    params = tuple(f"{name}{'' if one.required else '?'}" for name, one in playbook.params.items())
    return PlaybookSummary(
        playbook.name, playbook.summary, playbook.owner, params, changes=changes, file=str(path), faults=len(faults)
    )


def _operation(name: str) -> Any:
    try:
        return registry.find(name)
    except UsageError:
        return None


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())
