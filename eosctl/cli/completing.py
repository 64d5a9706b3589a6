"""What the Tab key offers: names from the live cluster within a short limit, nothing when it does not answer."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import typer

_LIMIT = "1s"
_AT_MOST_S = 2.0
_CONNECTION = ("profile", "bootstrap_server", "dsn", "kafka_config")
_RUNS = 200


def completer(kind: str) -> Callable[[typer.Context, str], list[str]]:
    """A completion function for parameters that `complete` as `kind`."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        names = _within_limit(lambda: _names(kind, {**_typed(ctx), "incomplete": incomplete, "words": ctx.args}))
        return sorted({name for name in names if name.startswith(incomplete)})

    return complete


def _within_limit(look: Callable[[], Iterable[str]]) -> Iterable[str]:
    """What the look finds in time. Not every wait has a limit of its own: a resolver that is silent has none."""
    found: list[Iterable[str]] = []

    def work() -> None:
        try:
            found.append(list(look()))
        except Exception:  # noqa: BLE001  whatever goes wrong, the Tab key stays quiet
            return

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(_AT_MOST_S)
    return found[0] if found else ()


def _names(kind: str, typed: Mapping[str, Any]) -> Iterable[str]:
    if kind == "profile":
        from eosctl.cli.profiles import read_config, running_labs

        return [*read_config().profiles, *running_labs()]
    if kind == "playbook":
        from eosctl.playbook.library import folders

        return [path.stem for folder in folders() for path in folder.glob("*.yaml")]
    if kind == "playbook_param":
        # click leaves the words before an option that still wants its value where they are
        return _parameters(typed.get("playbook") or next(iter(typed["words"]), ""), typed["incomplete"], typed)
    if kind == "run":
        from eosctl.playbook.record import open_runs

        return open_runs(_RUNS)
    if kind == "check":
        from eosctl.operations.check_entries import CHECKS

        return CHECKS
    if kind == "fault":
        return _faults(typed["incomplete"])
    gateways = _gateways(typed)
    match kind:
        case "topic":
            return [topic.name for topic in gateways.cluster.topics()]
        case "group":
            return [one.group for one in gateways.groups.groups().items]
        case "transactional_id":
            return [one.transactional_id for one in gateways.transactions.list_transactions().items]
        case "slot":
            return [str(one["slot"]) for one in gateways.database.query("doctor_slots")]
        case "journal_id":
            return [entry.id for entry in gateways.journal.entries()]
    return []


def _faults(incomplete: str) -> Iterable[str]:
    """Each kind that the list does not hold yet, behind what it holds."""
    from eosctl.domain.proof.faults import KINDS

    given, comma, _ = incomplete.rpartition(",")
    return [f"{given}{comma}{kind}" for kind in KINDS if kind not in given.split(",")]


def _parameters(playbook: str, incomplete: str, typed: Mapping[str, Any]) -> Iterable[str]:
    """`group=` for each parameter of the playbook, and behind the sign the values that it may have."""
    from eosctl.playbook.library import file_of
    from eosctl.playbook.loader import load

    path = file_of(playbook)
    params = load(path).params if path is not None else {}
    name, equals, _ = incomplete.partition("=")
    if not equals:
        return [f"{one}=" for one in params]
    spec = params[name]
    values = ("true", "false") if spec.type == "boolean" else spec.choices or _names(spec.complete, typed)
    return [f"{name}={value}" for value in values]


def _typed(ctx: typer.Context) -> dict[str, Any]:
    """Which servers the line names so far: the command's own flags before those of the outer one."""
    typed: dict[str, Any] = {}
    at: Any = ctx
    while at is not None:
        for name in (*_CONNECTION, "properties", "playbook"):
            if at.params.get(name):
                typed.setdefault(name, at.params[name])
        at = at.parent
    return typed


def _gateways(typed: Mapping[str, Any]) -> Any:
    from eosctl.cli.settings import Flags, settings_of
    from eosctl.cli.wiring import make_gateways
    from eosctl.core.progress import NeverStop, Silent

    named = {name: str(typed[name]) for name in _CONNECTION if name in typed}
    flags = Flags(**named, properties=tuple(typed.get("properties", ())), timeout=_LIMIT)
    return make_gateways(settings_of(flags), progress=Silent(), stop=NeverStop())
