"""What the Tab key offers: names from the live cluster within a short limit, nothing when it does not answer."""

from collections.abc import Callable, Iterable
from typing import Any

_LIMIT = "1s"


def completer(kind: str) -> Callable[[str], list[str]]:
    """A completion function for parameters that `complete` as `kind`."""

    def complete(incomplete: str) -> list[str]:
        try:
            return sorted(name for name in _names(kind) if name.startswith(incomplete))
        except Exception:  # noqa: BLE001  whatever goes wrong, the Tab key stays quiet
            return []

    return complete


def _names(kind: str) -> Iterable[str]:
    if kind == "profile":
        from eosctl.cli.profiles import read_config, running_labs

        return [*read_config().profiles, *running_labs()]
    if kind == "playbook":
        from eosctl.playbook.library import folders

        return [path.stem for folder in folders() for path in folder.glob("*.yaml")]
    if kind == "run":
        from eosctl.playbook.record import runs_folder

        return [path.name for path in runs_folder().glob("*") if path.is_dir()]
    if kind == "check":
        from eosctl.operations.check_entries import CHECKS

        return list(CHECKS)
    gateways = _gateways()
    match kind:
        case "topic":
            return [topic.name for topic in gateways.cluster.topics()]
        case "group":
            return [one.group for one in gateways.groups.groups().items]
        case "transactional_id":
            return [one.transactional_id for one in gateways.transactions.list_transactions().items]
        case "journal_id":
            return [entry.id for entry in gateways.journal.entries()]
    return []


def _gateways() -> Any:
    from eosctl.cli.settings import Flags, settings_of
    from eosctl.cli.wiring import make_gateways
    from eosctl.core.progress import NeverStop, Silent

    return make_gateways(settings_of(Flags(timeout=_LIMIT)), progress=Silent(), stop=NeverStop())
