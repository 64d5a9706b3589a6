"""The application: `eosctl NOUN VERB`. Loads only the command that is asked for, so that help answers at once."""

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import typer
from typer.core import TyperGroup

from eosctl import __version__
from eosctl.operations import NOUNS

_OPTIONAL_VALUE = {"--watch": "2s"}


class Nouns(TyperGroup):
    """The top level: command groups by noun, each loaded when it is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every noun, in the order of the help page."""
        return list(NOUNS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The group of a noun, or a command of the top level."""
        if cmd_name not in NOUNS:
            return None
        from eosctl.operations import registry

        return noun_group(cmd_name) if registry.verbs(cmd_name) else bound(cmd_name, "")

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """A misspelled noun is an error with the nearest one; a noun that is a command by itself needs no verb."""
        name, command, rest = resolved(self, ctx, args, super().resolve_command)
        if is_alone(name, rest):
            return name, bound(name, ""), rest
        return name, command, rest

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """One screen, without loading any command."""
        from eosctl.cli.help import top_help

        formatter.write(top_help())


class Verbs(TyperGroup):
    """One noun's subcommands, each loaded when it is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The noun's verbs."""
        from eosctl.operations import registry

        return list(registry.verbs(str(self.name)))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The subcommand."""
        return bound(str(self.name), cmd_name) if cmd_name in self.list_commands(ctx) else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """A misspelled verb is an error with the nearest one."""
        return resolved(self, ctx, args, super().resolve_command)


def is_alone(noun: str | None, rest: Sequence[str]) -> bool:
    """Whether what follows the noun is no verb, and the noun is a command by itself (`eosctl doctor --topic T`)."""
    from eosctl.operations import registry

    return noun in NOUNS and bool(registry.alone(noun)) and (not rest or rest[0].startswith("-"))


def noun_group(noun: str) -> Any:
    """The click group of a noun."""
    app = typer.Typer(
        cls=Verbs, name=noun, help=NOUNS[noun] + ".", no_args_is_help=True, add_completion=False, rich_markup_mode=None
    )
    app.callback()(_nothing)
    return typer.main.get_group(app)


def bound(noun: str, verb: str) -> Any:
    """The click command of an operation."""
    from eosctl.cli.binding import command_of
    from eosctl.cli.run import run_operation
    from eosctl.operations import registry

    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(verb or noun)(command_of(registry.load(noun, verb), run_operation))
    command = typer.main.get_command(app)
    command.name = verb or noun
    return command


def resolved(group: TyperGroup, ctx: Any, args: list[str], resolve: Any) -> Any:
    """click's own resolution; an unknown name is answered with the nearest known ones."""
    from eosctl.core.errors import UsageError, did_you_mean

    name = args[0] if args else ""
    if name and not name.startswith("-") and name not in group.list_commands(ctx):
        known = group.list_commands(ctx)
        hint = did_you_mean(name, known) or f"There are: {', '.join(known)}."
        raise UsageError("unknown_command", f"{ctx.command_path} has no command {name!r}.", hint=hint)
    return resolve(ctx, args)


def _nothing() -> None:
    """A group does nothing by itself."""


def application() -> Any:
    """The whole click application."""
    app = typer.Typer(cls=Nouns, name="eosctl", add_completion=False, no_args_is_help=True, rich_markup_mode=None)
    app.callback()(_root_callback())
    return typer.main.get_group(app)


def _root_callback() -> Any:
    import inspect

    from eosctl.cli import options

    names = (*options.CONNECTION, *options.OUTPUT)
    version = typer.Option(False, "--version", help="Print the version", is_eager=True, callback=_print_version)
    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        inspect.Parameter("version", inspect.Parameter.KEYWORD_ONLY, default=version, annotation=bool),
    ]
    for name in names:
        kind, face = options.shared_option(name)
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=face, annotation=kind))

    def callback(ctx: typer.Context, *, version: bool = False, **values: Any) -> None:
        ctx.obj = options.shared_of(values)

    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    callback.__annotations__ = {one.name: one.annotation for one in parameters}
    return callback


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"eosctl {__version__}")
        raise typer.Exit


def _print_help() -> None:
    """The first page needs no parser, no pydantic and no operation; a reader that went away is no error."""
    from eosctl.cli.help import top_help

    try:
        sys.stdout.write(top_help())
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _start_fast() -> None:
    """Importing makes a quarter of a million objects that stay: looking through them for garbage, again and again, is a
    tenth of a short command. Pydantic's plugins are looked for in every installed package; none is wanted."""
    gc.set_threshold(100_000, 20, 20)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def with_optional_values(argv: Sequence[str]) -> list[str]:
    """`--watch` may stand alone, and its seconds need no unit: the parser always gets `--watch 2s`."""
    words: list[str] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        words.append(word)
        if word in _OPTIONAL_VALUE:
            given = rest.pop(0) if rest and rest[0][:1].isdigit() else _OPTIONAL_VALUE[word]
            words.append(f"{given}s" if given.replace(".", "", 1).isdigit() else given)
    return words


def main(argv: Sequence[str] | None = None) -> None:
    """The process: parses, runs, ends with the command's exit code."""
    if (sys.argv[1:] if argv is None else list(argv)) == ["--help"]:
        _print_help()
        sys.exit(0)
    _start_fast()
    from eosctl.cli.boundary import guarded
    from eosctl.cli.completion import prepare

    prepare()
    words = with_optional_values(sys.argv[1:] if argv is None else argv)
    code = guarded(words, lambda: application().main(args=words, prog_name="eosctl", standalone_mode=False))
    if argv is None:
        _leave(code)
    sys.exit(code)


def _leave(code: int) -> None:
    """Ends the process without taking the interpreter apart, which is a fifth of a short command. All else that an end
    means happens: threads end, exit functions run, output is written."""
    import atexit
    import threading

    joined, run_exit_functions = getattr(threading, "_shutdown", None), getattr(atexit, "_run_exitfuncs", None)
    if joined is None or run_exit_functions is None:  # neither is public: an interpreter without them ends as usual
        return
    try:
        joined()
        run_exit_functions()
    except KeyboardInterrupt:
        code = 130
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
