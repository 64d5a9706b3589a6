"""The PlaybooksGateway: finds playbooks, checks them, runs and resumes them."""

import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

import eosctl
from eosctl.core.errors import EosctlError, Interrupted, Refused, UsageError, did_you_mean
from eosctl.core.operation import Change
from eosctl.core.params import DurationMs
from eosctl.operations import registry
from eosctl.playbook.actions import Hands
from eosctl.playbook.expressions import filled
from eosctl.playbook.loader import inspect, load
from eosctl.playbook.locking import locked
from eosctl.playbook.model import ParamSpec, Playbook, every_step
from eosctl.playbook.record import RunRecord, find_run, write_report
from eosctl.playbook.runner import Runner, Stopped
from eosctl.playbook.schema import schema_of_playbooks
from eosctl.ports.playbooks import PlaybookSummary, RunOutcome, RunWish

_TYPES: dict[str, Any] = {"integer": int, "number": float, "boolean": bool, "duration": DurationMs}


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
        playbook = load(path)
        params = _params(playbook, wish.params)
        self._require(playbook)
        at = self._hands.gateways.clock.now()
        run = f"{at:%Y%m%dT%H%M%S}-{playbook.name}-{secrets.token_hex(2)}"
        record = RunRecord.begin(run, _secrets(playbook, params), path.read_text(encoding="utf-8"))
        record.write("begin", at, who=self._hands.who, playbook=playbook.name, file=str(path.resolve()),
                     digest=_digest(path), params=params, dry_run=wish.dry_run, given=dict(wish.params))  # fmt: skip
        return self._carried_out(playbook, path, params=params, wish=wish, record=record, done={})

    def resume(self, run: str, wish: RunWish, *, accept_changed: bool) -> RunOutcome:
        """Goes on: steps that are done are not done again."""
        folder = find_run(run)
        events = RunRecord(folder).events()
        begin = events[0]
        path = Path(begin["file"])
        if begin["dry_run"]:
            raise Refused("dry_run", f"{folder.name} was a dry run: there is nothing to resume.", hint="Run it.")
        if events[-1]["event"] == "end" and events[-1]["status"] in ("done", "stopped"):
            raise Refused("run_over", f"{folder.name} is over: it is {events[-1]['status']}.", hint="Run it anew.")
        playbook = load(path)
        if _digest(path) != begin["digest"] and not accept_changed:
            raise Refused("playbook_changed", f"{path.name} was changed since the run began.",
                          why="Steps that were done may mean something else now.",
                          hint="Look at the difference, then give --accept-changed.")  # fmt: skip
        params = _params(playbook, {**_without_secrets(playbook, begin["given"]), **wish.params})
        done = {one["step"]: one for one in events if one["event"] == "step" and one["status"] == "done"}
        record = RunRecord(folder, _secrets(playbook, params))
        record.write("resume", self._hands.gateways.clock.now(), who=self._hands.who)
        return self._carried_out(playbook, path, params=params, wish=wish, record=record, done=done)

    def _carried_out(
        self, playbook: Playbook, path: Path, *, params: Mapping[str, Any], wish: RunWish, record: RunRecord,
        done: Mapping[str, Mapping[str, Any]],
    ) -> RunOutcome:  # fmt: skip
        hands = self._hands

        def include(name: str, arguments: Mapping[str, Any]) -> tuple[Playbook, Mapping[str, Any]]:
            inner = load(path.parent / name)
            return inner, _params(inner, {key: str(value) for key, value in arguments.items()})

        runner = Runner(hands, wish, record, params=params, include=include, done=done)
        lock = "" if wish.dry_run else str(filled(playbook.lock, runner.scope))
        status, said, error = "planned" if wish.dry_run else "done", "", None
        try:
            with locked(lock, hands.fresh, hands.person.say):
                try:
                    runner.steps(playbook.steps)
                finally:
                    if not wish.dry_run:
                        runner.steps(playbook.at_end, prefix="finally/")
        except Stopped as stop:
            status, said = ("stopped" if stop.well else "failed"), stop.said
        except EosctlError as failed:
            error = failed
            status, said = ("interrupted" if isinstance(failed, Interrupted) else "failed"), failed.notice().message
        record.write("end", hands.gateways.clock.now(), status=status, said=said)
        if wish.report is not None:
            write_report(record, wish.report)
        if error is not None:
            hands.person.say(f"Run {record.id}: {status}. Its record: {record.folder}")
            raise error
        return RunOutcome(record.id, playbook.name, status, said, str(record.folder), tuple(runner.outcomes))

    def _path(self, name: str) -> Path:
        if Path(name).suffix in (".yaml", ".yml"):
            return Path(name)
        for folder in folders():
            path = folder / f"{name}.yaml"
            if path.exists():
                return path
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


def _params(playbook: Playbook, given: Mapping[str, str]) -> dict[str, Any]:
    """The parameters' values. Raises UsageError for unknown, missing and ill-typed ones."""
    for name in given:
        if name not in playbook.params:
            raise UsageError("unknown_parameter", f"{playbook.name} has no parameter {name!r}.",
                             hint=did_you_mean(name, playbook.params)
                             or f"It has {', '.join(playbook.params) or 'none'}.")  # fmt: skip
    values = {}
    for name, spec in playbook.params.items():
        if name in given:
            values[name] = _typed(name, spec, given[name])
        elif spec.required:
            raise UsageError("missing_parameter", f"{playbook.name} wants {name}: {spec.help}.", hint=f"-p {name}=...")
        else:
            values[name] = spec.default if spec.default is not None or spec.type != "string" else ""
    return values


def _typed(name: str, spec: ParamSpec, value: str) -> Any:
    if spec.choices and value not in spec.choices:
        raise UsageError("bad_parameter", f"{name}={value!r} is none of {', '.join(spec.choices)}.",
                         hint=did_you_mean(value, spec.choices))  # fmt: skip
    if spec.type not in _TYPES:
        return value
    try:
        TypeAdapter(_TYPES[spec.type]).validate_python(value)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ").rstrip(".")
        raise UsageError("bad_parameter", f"{name}={value!r}: {message}.") from None
    if spec.type == "duration":
        return value  # operations read durations as people write them
    return TypeAdapter(_TYPES[spec.type]).validate_python(value)


def _secrets(playbook: Playbook, params: Mapping[str, Any]) -> list[str]:
    return [str(params[name]) for name, spec in playbook.params.items() if spec.type == "secret" and params.get(name)]


def _without_secrets(playbook: Playbook, given: Mapping[str, str]) -> dict[str, str]:
    """What a run was given; its secrets are masked in the record and must be given again."""
    return {name: value for name, value in given.items()
            if name in playbook.params and playbook.params[name].type != "secret"}  # fmt: skip


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())
