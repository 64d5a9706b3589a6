"""What monitoring systems get of a query with samples: a Nagios line, a file for the node exporter, an exporter."""

import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from eosctl.cli import console
from eosctl.cli.options import Shared
from eosctl.cli.settings import Settings, settings_of
from eosctl.core.durations import parse_duration_ms
from eosctl.core.errors import EosctlError, UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Query
from eosctl.core.params import Params
from eosctl.core.progress import NeverStop, Silent
from eosctl.domain.checks.measures import Round, summary_words

DEFAULT_EVERY = "30s"
_FLAGS = "--nagios, --prometheus and --serve"


def run(operation: Any, params: Params, shared: Shared) -> int:
    """Looks, tells, and returns the exit code."""
    _require_one_answer(shared)
    settings = settings_of(shared.flags())
    if shared.serve:
        return _serve(operation, params, settings, shared)
    found, code = _look(operation, params, settings)
    if shared.prometheus == "-":
        from eosctl.adapters.prometheus import exposition

        console.write(exposition(found))
    elif shared.prometheus:
        from eosctl.adapters.prometheus import write_textfile

        write_textfile(Path(shared.prometheus), found)
    if not shared.nagios:
        print(f"{summary_words(found.results)}.", file=sys.stderr)
        return int(code)
    from eosctl.render.nagios import nagios_line

    console.write(nagios_line(found) + "\n")
    return found.level.number


def address_of(text: str) -> tuple[str, int]:
    """Host and port of `:9642`, `9642`, `127.0.0.1:9642` or `[::1]:9642`. Raises UsageError (`bad_address`)."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65_535 or (":" in host and not host.startswith("[")):
        raise UsageError("bad_address", f"--serve {text!r} is not an address.",
                         hint="Write :PORT or HOST:PORT, for example :9642 or 127.0.0.1:9642.")  # fmt: skip
    return host.strip("[]"), int(port)


def _require_one_answer(shared: Shared) -> None:
    if shared.watch or shared.output not in ("", "table"):
        raise UsageError("bad_output", f"{_FLAGS} are formats of their own.", hint="Leave -o and --watch out.")
    if shared.serve and (shared.nagios or shared.prometheus):
        raise UsageError("bad_output", "--serve goes with neither --nagios nor --prometheus.")
    if shared.nagios and shared.prometheus == "-":
        raise UsageError("bad_output", "Both would go to standard output.", hint="Give --prometheus a file.")
    if shared.every and not shared.serve:
        raise UsageError("bad_parameter", "--every goes with --serve.", hint="To draw a table again: --watch.")


def _look(operation: Query, params: Params, settings: Settings) -> tuple[Round, ExitCode]:
    """One round on gateways of its own: nothing that broke in the last one is left."""
    from eosctl.cli.wiring import make_gateways

    gateways = make_gateways(settings, progress=Silent(), stop=NeverStop())
    try:
        seen = operation.observe(gateways, params)
    finally:
        with suppress(Exception):  # what can't be closed is gone already; the look, or the signal, counts
            gateways.close()
    assert operation.samples is not None
    found: Round = operation.samples(seen, params)
    return found, operation.report(seen, params).exit_code


def _serve(operation: Query, params: Params, settings: Settings, shared: Shared) -> int:
    """Looks every so often until a signal comes. A wrong wish ends it at the first look; a server that is away never.

    Nothing here asks `stopping()` whether to go on, so the first signal ends a look, or the wait, at once.
    """
    from eosctl.adapters.prometheus import Exporter

    host, port = address_of(shared.serve)
    period_s = max(parse_duration_ms(shared.every or DEFAULT_EVERY), 1_000) / 1_000
    wait = threading.Event()
    try:
        with console.stopping(), Exporter(host, port) as exporter:
            where = f"http://{f'[{host}]' if ':' in host else host or '0.0.0.0'}:{exporter.port}/metrics"
            print(f"Serving {where} every {period_s:g} s.", file=sys.stderr, flush=True)
            told = ""
            while True:
                told = _round(operation, params, settings, exporter, told)
                wait.wait(period_s)
    except KeyboardInterrupt:
        print("Ended.", file=sys.stderr)
        return int(ExitCode.DONE)


def _round(operation: Query, params: Params, settings: Settings, exporter: Any, told: str) -> str:
    """One round; says on standard error what changed since `told`."""
    try:
        found, _ = _look(operation, params, settings)
    except EosctlError as error:
        if not told:
            raise
        console.say("Error", error.notice())
        return told
    exporter.rounds.update(found)
    words = summary_words(found.results)
    if words != told:
        print(f"{words}.", file=sys.stderr, flush=True)
    return words
