"""Writes the reference from the registry (`make docs`): `python -m eosctl.cli.reference FOLDER README`."""

import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

from eosctl.cli.binding import default_words, flag_of
from eosctl.core.operation import Action, Change, Operation, Query
from eosctl.operations import NOUNS, registry

_KINDS = {
    Query: "Reads only.",
    Change: "Changes the world: shows its plan, asks once, verifies, journals. Takes `--dry-run`, `--plan-out FILE`, "
    "`--yes` and `--confirm NAME`.",
    Action: "Works on this machine.",
}
_SERVERS = {"kafka": "Kafka", "database": "PostgreSQL", "lab": "a lab"}
_MARK, _AFTER = "<!-- commands -->", "Every command has"
GUIDES = Path(__file__).parents[2] / "docs" / "guides"
_NOTE = "<!-- Made by `make docs` from the operations' own definitions. -->"


def pages() -> dict[str, str]:
    """The text of each page by its file name."""
    made = {"README.md": _index()}
    for noun, says in NOUNS.items():
        operations = [one for one in registry.all_operations() if one.noun == noun]
        body = "\n\n".join(_section(one) for one in operations)
        more = _rules() if noun == "doctor" else ""
        made[f"{noun}.md"] = f"{_NOTE}\n\n# {noun}\n\n{_sentence(says)}\n\n{body}\n{more}"
    return made


def write(folder: Path) -> None:
    """Writes every page and takes away those of commands that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for old in folder.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


def with_commands(readme: str) -> str:
    """The README with its table of commands made anew, between its mark and the next paragraph."""
    head, _, rest = readme.partition(_MARK)
    return f"{head}{_MARK}\n\n{_table('`{0}`')}\n\n{_AFTER}{rest.partition(_AFTER)[2]}"


def _index() -> str:
    return f"{_NOTE}\n\n# Commands\n\n{_table('[`{0}`]({0}.md)')}\n"


def _table(name: str) -> str:
    rows = "\n".join(f"| {name.format(noun)} | {says} |" for noun, says in NOUNS.items())
    return f"| command | what it is for |\n|---|---|\n{rows}"


def _section(operation: Operation) -> str:
    name = operation.name.replace(".", " ")
    kind = next(says for one, says in _KINDS.items() if isinstance(operation, one))
    asks = ", ".join(_SERVERS[one] for one in operation.needs)
    parts = [
        f"## eosctl {name}",
        _sentence(operation.summary) + (f" {operation.details}" if operation.details else ""),
        f"{kind}{f' Talks to {asks}.' if asks else ''} Its name for scripts and plans: `{operation.name}`.",
        *_parameters(operation),
        *_result(operation),
        "```console\n" + "\n".join(f"# {one.says}\n$ {one.command}" for one in operation.examples) + "\n```",
        *_seen(f"$ eosctl {name}"),
    ]
    return "\n\n".join(parts)


def _sentence(text: str) -> str:
    return text if text.endswith("?") else f"{text}."


def _seen(command: str) -> Iterator[str]:
    """What the command really printed, as a guide shows it: the first time that it stands there."""
    for guide in sorted(GUIDES.glob("*.md")):
        for block in guide.read_text(encoding="utf-8").split("```console\n")[1:]:
            lines = block.partition("```")[0].splitlines()
            starts = [number for number, line in enumerate(lines) if line.startswith(command)]
            for start in starts:
                end = next((n for n in range(start + 1, len(lines)) if lines[n].startswith("$ ")), len(lines))
                shown = [line for line in lines[start:end] if line]
                if len(shown) > 1 and lines[start].removeprefix(command)[:1] in ("", " "):
                    yield f"From [the guide](../guides/{guide.name}):"
                    yield "```console\n" + "\n".join(shown) + "\n```"
                    return


def _rules() -> str:
    """The audit's rules, from their own entries."""
    from eosctl.domain.audit.rules import RULES

    parts = [
        f"### {one.id}: {one.title}\n\n{one.severity.value}, {one.area.value}. {one.why}\n\n"
        f"Mend: {one.mend}. [Documentation]({one.link})\n"
        for one in RULES
    ]
    return "\n## The rules\n\n" + "\n".join(parts)


def _parameters(operation: Operation) -> Iterator[str]:
    rows = []
    for name, field in operation.params.model_fields.items():
        needed = (
            "required" if field.is_required() else default_words(field).strip("[]").removeprefix("default: ") or "-"
        )
        rows.append(f"| `{flag_of(name, field)}` | {_cell(needed)} | {_cell(field.description or '')} |")
    if rows:
        yield "| parameter | default | meaning |\n|---|---|---|\n" + "\n".join(rows)


def _result(operation: Operation) -> Iterator[str]:
    if is_dataclass(operation.result):
        names = ", ".join(f"`{one.name}`" for one in fields(operation.result))
        yield f"{'A row has' if operation.listing else 'The answer has'} {names}."


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
    page = Path(sys.argv[2])
    page.write_text(with_commands(page.read_text(encoding="utf-8")), encoding="utf-8")
