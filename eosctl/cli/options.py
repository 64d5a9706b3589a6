"""The flags that every command shares, and how they become values. One table, bound to each command."""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Any

import typer

from eosctl.cli.settings import Flags
from eosctl.core.errors import UsageError, did_you_mean

FORMATS = ("table", "wide", "json", "yaml", "csv", "markdown")


@dataclass(frozen=True)
class Shared:
    """What the shared flags said; empty values were not given."""

    profile: str = ""
    bootstrap_server: str = ""
    dsn: str = ""
    kafka_config: str = ""
    properties: tuple[str, ...] = ()
    timeout: str = ""
    output: str = ""
    debug: bool = False
    watch: str = ""
    nagios: bool = False
    prometheus: str = ""
    serve: str = ""
    every: str = ""
    dry_run: bool = False
    plan_out: str = ""
    yes: bool = False
    confirm: str = ""

    def over(self, outer: "Shared") -> "Shared":
        """These flags, and those of the outer command where these were not given; `-X` adds up."""
        merged = {one.name: getattr(self, one.name) or getattr(outer, one.name) for one in fields(self)}
        return replace(Shared(**merged), properties=(*outer.properties, *self.properties))

    def flags(self) -> Flags:
        """The part that says which servers."""
        return Flags(self.profile, self.bootstrap_server, self.dsn, self.kafka_config, self.properties, self.timeout)

    def format_name(self) -> str:
        """The output format, checked."""
        name = self.output or "table"
        if name not in FORMATS:
            raise UsageError(
                "bad_output",
                f"-o {name!r} is not a format.",
                hint=did_you_mean(name, FORMATS) or f"There are {', '.join(FORMATS)}.",
            )
        return name


_METAVARS = {
    "profile": "NAME", "bootstrap_server": "HOST:PORT", "dsn": "DSN", "kafka_config": "FILE", "properties": "KEY=VALUE",
    "timeout": "DURATION", "output": "FORMAT", "watch": "SECONDS", "plan_out": "FILE", "confirm": "NAME",
    "prometheus": "FILE", "serve": "HOST:PORT", "every": "DURATION",
}  # fmt: skip
_CONNECTION, _OUTPUT, _CHANGE, _MONITORING = "Connection", "Output", "Change", "Monitoring"
_HELP: dict[str, tuple[Any, tuple[str, ...], str, str]] = {
    "profile": (str, ("--profile",), "Connection by name (EOSCTL_PROFILE)", _CONNECTION),
    "bootstrap_server": (str, ("--bootstrap-server",), "Kafka's host:port (EOSCTL_BOOTSTRAP_SERVER)", _CONNECTION),
    "dsn": (str, ("--dsn",), "PostgreSQL connection string (EOSCTL_DSN, PG*)", _CONNECTION),
    "kafka_config": (str, ("--kafka-config",), "Java or librdkafka .properties file", _CONNECTION),
    "properties": (list[str], ("-X",), "Any librdkafka property, key=value; repeatable", _CONNECTION),
    "timeout": (str, ("--timeout",), "Limit of each network wait [default: 15s]", _CONNECTION),
    "output": (str, ("-o", "--output"), "table, wide, json, yaml, csv, markdown", _OUTPUT),
    "debug": (bool, ("--debug",), "Show the traceback of an error", _OUTPUT),
    "watch": (str, ("--watch",), "Draw again every so often, for example 2s", _OUTPUT),
    "nagios": (bool, ("--nagios",), "One line with performance data, and Nagios's exit codes", _MONITORING),
    "prometheus": (str, ("--prometheus",), "Prometheus text to a .prom file, in one go, or to - (stdout)", _MONITORING),
    "serve": (str, ("--serve",), "Be an exporter at this address, for example :9642", _MONITORING),
    "every": (str, ("--every",), "How often --serve looks [default: 30s]", _MONITORING),
    "dry_run": (bool, ("--dry-run",), "Show the plan and stop", _CHANGE),
    "plan_out": (str, ("--plan-out",), "Save the plan to a file and stop; `eosctl apply` runs it", _CHANGE),
    "yes": (bool, ("--yes", "-y"), "Do not ask", _CHANGE),
    "confirm": (str, ("--confirm",), "A protected profile's name, instead of typing it", _CHANGE),
}
CONNECTION = tuple(name for name, (_, _, _, panel) in _HELP.items() if panel == _CONNECTION)
OUTPUT = ("output", "debug")
MONITORING = tuple(name for name, (_, _, _, panel) in _HELP.items() if panel == _MONITORING)
CHANGE = tuple(name for name, (_, _, _, panel) in _HELP.items() if panel == _CHANGE)


def shared_option(name: str) -> tuple[Any, Any]:
    """The type and the Typer option of one shared flag."""
    kind, flags, text, panel = _HELP[name]
    default: Any = [] if name == "properties" else (False if kind is bool else "")
    completion = _completion(name)
    option = typer.Option(
        default,
        *flags,
        help=text,
        rich_help_panel=panel,
        show_default=False,
        autocompletion=completion,
        metavar=_METAVARS.get(name),
    )
    return kind, option


def shared_of(values: dict[str, Any], own: Collection[str] = ()) -> Shared:
    """Takes the shared flags out of a command's values, but for those that are its `own` under the same name."""
    names = [one.name for one in fields(Shared) if one.name in values and one.name not in own]
    taken = {name: values.pop(name) for name in names}
    if "properties" in taken:
        taken["properties"] = tuple(taken["properties"] or ())
    return Shared(**taken)


def _completion(name: str) -> Any:
    if name == "output":
        return lambda incomplete: [one for one in FORMATS if one.startswith(incomplete)]
    if name == "profile":
        from eosctl.cli.completing import completer

        return completer("profile")
    return None
