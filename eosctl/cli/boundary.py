"""The one error boundary: every way in which a command can end becomes an exit code and, for scripts, an envelope."""

import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence

from eosctl import __version__
from eosctl.cli import console
from eosctl.core.errors import EosctlError, Notice
from eosctl.core.exit_codes import ExitCode
from eosctl.core.redaction import redact_text
from eosctl.core.report import Report
from eosctl.render.output import Format


def guarded(argv: Sequence[str], work: Callable[[], object]) -> int:
    """Runs `work` and returns the exit code; prints the error as the chosen format wants it."""
    try:
        result = work()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(ExitCode.DONE if end.code is None else ExitCode.FAILED)
    except EosctlError as error:
        if "--debug" in argv:
            traceback.print_exc()
        return _tell(
            argv, Notice(error.code, redact_text(error.notice().message), redact_text(error.hint)), error.exit_code
        )
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return _tell(
            argv,
            Notice("interrupted", "Interrupted.", "What was done is in `eosctl journal list`."),
            ExitCode.INTERRUPTED,
        )
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.DONE)
    except Exception as error:  # noqa: BLE001  the boundary: nothing may escape as a traceback
        return _click_or_unexpected(argv, error)
    return result if isinstance(result, int) else int(ExitCode.DONE)


def _click_or_unexpected(argv: Sequence[str], error: Exception) -> int:
    name = type(error).__name__
    if name == "Abort":
        return _tell(argv, Notice("interrupted", "Interrupted."), ExitCode.INTERRUPTED)
    if name == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)  # type: ignore[attr-defined]
        return int(ExitCode.USAGE)
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        context = getattr(error, "ctx", None)
        hint = f"See `{context.command_path} --help`." if context is not None else "See `eosctl --help`."
        return _tell(argv, Notice("usage", error.format_message(), hint), ExitCode.USAGE)
    if "--debug" in argv:
        traceback.print_exc()
    file = _traceback_file()
    message = f"Something unexpected happened: {name}: {redact_text(str(error))}."
    return _tell(argv, Notice("unexpected", message, f"The traceback is in {file}; please report it."), ExitCode.FAILED)


def _traceback_file() -> str:
    descriptor, path = tempfile.mkstemp(prefix="eosctl-error-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"eosctl {__version__}, Python {sys.version}\n{redact_text(traceback.format_exc())}")
    return path


def _tell(argv: Sequence[str], notice: Notice, code: ExitCode) -> int:
    if "--nagios" in argv:
        return _tell_nagios(notice)
    form = requested_format(argv)
    if form in (Format.JSON, Format.YAML):
        report = Report(None, exit_code=code, errors=(notice,))
        console.show(operation_name(argv), report, form)
    else:
        console.say("Error", notice)
    return int(code)


def _tell_nagios(notice: Notice) -> int:
    """A plugin says `unknown` on standard output whatever went wrong: any other number would be a verdict."""
    from eosctl.domain.checks.levels import Level
    from eosctl.render.nagios import nagios_failure

    console.write(nagios_failure(f"{notice.message} {notice.hint}".strip()) + "\n")
    return Level.UNKNOWN.number


def requested_format(argv: Sequence[str]) -> Format:
    """The format that the words ask for, found without parsing: the parser may be what failed."""
    for before, word in zip(["", *argv], [*argv, ""], strict=True):
        asked = word.removeprefix("--output=") if word.startswith("--output=") else ""
        if before in ("-o", "--output"):
            asked = word
        elif word.startswith("-o") and len(word) > 2 and not word.startswith("--"):
            asked = word[2:]
        if asked in list(Format):
            return Format(asked)
    return Format.TABLE


def operation_name(argv: Sequence[str]) -> str:
    """The operation that the words name, as far as they name one."""
    from eosctl.operations import NOUNS, registry

    words = [word for word in argv if not word.startswith("-")]
    for position, word in enumerate(words):
        if word in NOUNS:
            known = registry.verbs(word)
            verb = next((one for one in words[position + 1 :] if one in known), "")
            return f"{word}.{verb}" if verb else word
    return ""
