"""Writes the manual pages from the registry (`make docs`): `python -m eosctl.cli.manual FOLDER`. Needs docutils."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.core import publish_from_doctree
from docutils.utils import new_document
from docutils.writers import manpage

from eosctl import __version__
from eosctl.cli.help import EXAMPLES, by_job
from eosctl.cli.main import bound
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Operation
from eosctl.operations import NOUNS, registry

_SAYS = "The operator's toolkit for exactly-once processing on Kafka and PostgreSQL"
_CODES = {
    ExitCode.DONE: "Done.",
    ExitCode.FAILED: "Failed.",
    ExitCode.USAGE: "Wrong use: a flag, a name or a file.",
    ExitCode.PROBLEM: "A look found a problem.",
    ExitCode.WORLD_CHANGED: "The world is not as the plan expects: nothing was changed.",
    ExitCode.PARTLY_DONE: "Partly done, or partly seen.",
    ExitCode.UNREACHABLE: "A server can't be reached, or refuses.",
    ExitCode.REFUSED: "Refused: it would do harm, or it was not confirmed.",
    ExitCode.INTERRUPTED: "Interrupted.",
}
_VARIABLES = (
    ("EOSCTL_PROFILE, EOSCTL_BOOTSTRAP_SERVER, EOSCTL_DSN, EOSCTL_KAFKA_CONFIG, EOSCTL_CONNECT_URL", "Connections."),
    ("PGHOST, PGUSER, PGPASSWORD, ...", "libpq's own, where no DSN is given."),
    ("NO_COLOR, TERM=dumb", "No colours."),
)
_FILES = (
    ("$XDG_CONFIG_HOME/eosctl/config.yaml", "Profiles: connections, names of tables, thresholds."),
    ("$XDG_STATE_HOME/eosctl/", "The journal of changes and the runs of playbooks."),
    ("$XDG_DATA_HOME/eosctl/lab/", "Labs."),
)


def manuals() -> dict[str, str]:
    """The text of each page by its file name: the program's, and one for each noun."""
    return {"eosctl.1": _program(), **{f"eosctl-{noun}.1": _noun(noun) for noun in NOUNS}}


def write(folder: Path) -> None:
    """Writes every page and takes away those of commands that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.1"):
        old.unlink()
    for name, text in manuals().items():
        (folder / name).write_text(text, encoding="utf-8")


def _program() -> str:
    jobs = [_section(job, _definitions((f"eosctl {noun}", NOUNS[noun]) for noun in nouns)) for job, nouns in by_job()]
    return _page(
        "eosctl",
        _SAYS,
        _section("SYNOPSIS", _literal("eosctl COMMAND [OPTIONS]\neosctl COMMAND --help")),
        _section("DESCRIPTION", _paragraph(
            "eosctl says what is wrong and why, shows the change that it would make, makes it safely, reads it back, "
            "and writes down what it did. Every command has a page of its own: man eosctl-COMMAND."), *jobs),
        _section("EXAMPLES", _definitions((says, command) for command, says in EXAMPLES)),
        _section("EXIT STATUS", _definitions((str(int(code)), says) for code, says in _CODES.items())),
        _section("ENVIRONMENT", _definitions(_VARIABLES)),
        _section("FILES", _definitions(_FILES)),
    )  # fmt: skip


def _noun(noun: str) -> str:
    operations = [one for one in registry.all_operations() if one.noun == noun]
    usage = "\n".join(_usage(one) for one in operations)
    return _page(
        f"eosctl-{noun}",
        NOUNS[noun],
        _section("SYNOPSIS", _literal(usage)),
        *(_section(one.name.replace(".", " ").upper(), *_body(one)) for one in operations),
        _section("SEE ALSO", _paragraph("eosctl(1) has the exit status, the environment and the files.")),
    )


def _command(operation: Operation) -> Any:
    verb = operation.name.partition(".")[2]
    return bound(operation.noun, verb)


def _usage(operation: Operation) -> str:
    arguments = [
        one.metavar or one.name.upper() for one in _command(operation).params if not one.opts[0].startswith("-")
    ]
    return " ".join(["eosctl", operation.name.replace(".", " "), "[OPTIONS]", *arguments])


def _body(operation: Operation) -> Iterable[nodes.Element]:
    stop = "" if operation.summary.endswith("?") else "."
    yield _paragraph(f"{operation.summary}{stop} {operation.details}".strip())
    yield _definitions((_flag(one), one.help or "") for one in _command(operation).params)
    for one in operation.examples:
        yield _paragraph(one.says)
        yield _literal(one.command)


def _flag(one: Any) -> str:
    metavar = one.metavar or ""
    if not one.opts[0].startswith("-"):
        return str(metavar or one.name.upper())
    return f"{', '.join((*one.opts, *one.secondary_opts))} {metavar}".strip()


def _page(name: str, says: str, *sections: nodes.Element) -> str:
    document = new_document(name)
    document += nodes.title("", name)
    document += nodes.subtitle("", says.rstrip("."))
    facts = nodes.docinfo()
    facts += nodes.version("", f"eosctl {__version__}")
    facts += _field("manual_section", "1")
    facts += _field("manual_group", "eosctl")
    document += facts
    for section in sections:
        document += section
    made = publish_from_doctree(document, writer=manpage.Writer(), settings_overrides={"output_encoding": "unicode"})
    return str(made)


def _field(name: str, value: str) -> nodes.field:
    return nodes.field("", nodes.field_name("", name), nodes.field_body("", nodes.paragraph("", value)))


def _section(title: str, *content: nodes.Element) -> nodes.section:
    section = nodes.section("", nodes.title("", title))
    section.extend(content)
    return section


def _paragraph(text: str) -> nodes.paragraph:
    return nodes.paragraph("", text)


def _literal(text: str) -> nodes.literal_block:
    return nodes.literal_block("", text)


def _definitions(items: Iterable[tuple[str, str]]) -> nodes.definition_list:
    made = nodes.definition_list()
    for term, says in items:
        made += nodes.definition_list_item("", nodes.term("", term), nodes.definition("", _paragraph(says)))
    return made


if __name__ == "__main__":
    write(Path(sys.argv[1]))
