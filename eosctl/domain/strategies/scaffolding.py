"""Scaffolds: small working programs of each strategy, put together from the templates of this package. Pure.

A language's templates are in `scaffolds/<language>/`; `scaffolds/scaffolds.yaml` says which files belong together.
What is the same in every language (tables, README, what is counted and promised) is there once.
"""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.domain.strategies.catalogue import Strategy, strategy
from eosctl.domain.strategies.packaged import packaged, packaged_text

LANGUAGES = ("python", "java", "typescript")
_MANIFEST = "scaffolds/scaffolds.yaml"
_CRASH_POINT = re.compile(r"crash_?[pP]oint\(\"([a-z-]+)\"\)")


@dataclass(frozen=True)
class Control:
    """The one change that takes the protection away: in `file`, `find` becomes `replace`. `says` it in words."""

    file: str
    says: str
    find: str
    replace: str


@dataclass(frozen=True)
class Program:
    """A program of a scaffold: its role (`consumer`, `relay`, ...), its file and how it is started."""

    role: str
    file: str
    run: str
    crash_points: tuple[str, ...]


@dataclass(frozen=True)
class Scaffold:
    """A directory to be written. `counted` says where effects are: a table, `output-topic` or `api`.

    `promise` is `exactly once`, `at least once` or `at most once`: what comes out under crashes.
    """

    strategy: str
    language: str
    files: Mapping[str, str]
    programs: tuple[Program, ...]
    counted: str
    promise: str
    control: Control

    @property
    def keyed_by_id(self) -> bool:
        """Whether each message needs a key of its own: the state of a key is all that the program keeps."""
        return self.counted == "current_state"

    def broken(self) -> dict[str, str]:
        """The files with the change that a crash test must find out. Raises ValueError if it fits nowhere."""
        if self.files[self.control.file].count(self.control.find) != 1:
            raise ValueError(f"The control of {self.strategy} ({self.language}) does not fit its program.")
        one = self.control
        return {**self.files, one.file: self.files[one.file].replace(one.find, one.replace)}


def offered(language: str) -> tuple[str, ...]:
    """The strategies that have a scaffold in that language. Raises UsageError (`unknown_language`)."""
    return tuple(_language(language)["controls"])


def languages_of(name: str) -> tuple[str, ...]:
    """The languages in which a strategy has a scaffold."""
    return tuple(language for language in LANGUAGES if name in offered(language))


def scaffold(name: str, language: str) -> Scaffold:
    """The scaffold. Raises UsageError (`unknown_strategy`, `unknown_language`)."""
    found, room = strategy(name), _language(language)
    entry = packaged(_MANIFEST)["strategies"][name]
    parts = {one: one for one in _parts(room, name, entry, with_schema=bool(found.ddl or entry["schema"]))}
    templates = {
        _place(room, one): f"{template}{room['suffix']}" for one, template in (entry["programs"] | parts).items()
    }
    files = {path: _template(language, template) for path, template in (room["shared"] | templates).items()}
    files |= {path: _template("shared", path) for path in entry.get("plain", ())}
    if found.ddl or entry["schema"]:
        files["schema.sql"] = _schema(found, entry["schema"])
    programs = tuple(_program(room, role, files) for role in entry["programs"])
    change = room["controls"][name]
    control = Control(_place(room, change["in"]), entry["control"], change["find"], change["replace"])
    made = Scaffold(name, language, files, programs, entry["counted"], entry["promise"], control)
    return Scaffold(**{**vars(made), "files": {**files, "README.md": _readme(found, made)}})


def _language(language: str) -> Mapping[str, Any]:
    every: Mapping[str, Any] = packaged(_MANIFEST)["languages"]
    if language not in every:
        hint = did_you_mean(language, every) or f"There are: {', '.join(every)}."
        raise UsageError("unknown_language", f"There are no scaffolds in {language!r}.", hint=hint)
    found: Mapping[str, Any] = every[language]
    return found


def _parts(room: Mapping[str, Any], name: str, entry: Mapping[str, Any], *, with_schema: bool) -> list[str]:
    """The strategy's own parts and what comes with them in that language."""
    reasons = [name, *entry["parts"], *(["schema"] if with_schema else [])]
    return [*entry["parts"], *(part for one in reasons for part in room["with"].get(one, ()))]


def _place(room: Mapping[str, Any], part: str) -> str:
    """The path of a role's or part's file in that language."""
    return str(room["path"]).format(name=room["names"].get(part, part))


def _template(language: str, name: str) -> str:
    return packaged_text(f"scaffolds/{language}/{name}.tmpl")


def _schema(found: Strategy, further: list[str]) -> str:
    head = f'-- Tables of {found.name}. Apply once: psql "$DSN" -v ON_ERROR_STOP=1 -f schema.sql\n'
    return "\n".join([head + found.ddl, *(_template("sql", name) for name in further)]).rstrip() + "\n"


def _program(room: Mapping[str, Any], role: str, files: Mapping[str, str]) -> Program:
    path = _place(room, role)
    run = str(room["run"]).format(name=room["names"].get(role, role))
    points = tuple(dict.fromkeys(_CRASH_POINT.findall(files[path])))
    return Program(role, path, run + (" < orders.jsonl" if role == "service" else ""), points)


def _readme(found: Strategy, made: Scaffold) -> str:
    width = max(len(one.run) for one in made.programs) + 1
    runs = "\n".join(f"{one.run:<{width}} # {one.role}" for one in made.programs)
    points = "\n".join(f"- `{one.file}`: {', '.join(f'`{point}`' for point in one.crash_points)}"
                       for one in made.programs if one.crash_points)  # fmt: skip
    crashes = "\n".join(f"- {one.at}: {one.then}" for one in found.crashes)
    room = _language(made.language)
    return _template("shared", "README.md").format(
        title=found.title,
        name=found.name,
        effect=found.effect,
        guarantee=found.guarantee,
        diagram=found.diagram.rstrip(),
        install=room["install"],
        note=f"\n{textwrap.fill(room['note'], 120, break_on_hyphens=False)}\n" if "note" in room else "",
        schema='psql "$DSN" -v ON_ERROR_STOP=1 -f schema.sql\n' if "schema.sql" in made.files else "",
        settings="\n".join(_settings(made)),
        runs=runs,
        crashes=crashes,
        points=points,
        limits="\n".join(f"- {one}" for one in found.limits),
        verify=found.verify,
        first_point=next(one.crash_points[0] for one in made.programs if one.crash_points),
        window=f"\nWindow: {found.window}\n" if found.window else "",
    )


_SETTINGS = {
    "BOOTSTRAP_SERVERS": "`localhost:9092` unless set",
    "KAFKA_PROPERTIES_FILE": "more Kafka properties, `key=value` lines (security)",
    "DSN": "PostgreSQL, for example `postgresql://app@localhost:5432/shop`; the password may be in `PGPASSWORD`",
    "INPUT_TOPIC": "what is read",
    "OUTPUT_TOPIC": "what is written",
    "DEAD_LETTER_TOPIC": "for messages without a key; INPUT_TOPIC with `-dlt` unless set",
    "GROUP": "the consumer group",
    "INSTANCE": "the same after a restart, another for each process beside it; `1` unless set",
    "BATCH": "messages at once; 100 unless set",
    "AGGREGATE_TYPE": "what the events are about; `order` unless set, so that they go to `order-events`",
    "INPUT_FILE": "JSON lines to send",
    "POSITION_FILE": "where the position in it is noted; `position` unless set",
    "API_URL": "for example `http://127.0.0.1:8080`",
    "API_PORT": "where `api` listens; 8080 unless set",
    "API_FILE": "where `api` keeps its charges; `charges.db` unless set",
    "RECONCILE_AFTER_S": "how old an open reservation must be; more than the slowest call; 60 unless set",
}


def _settings(made: Scaffold) -> list[str]:
    texts = "\n".join(made.files.values())
    used = [name for name in _SETTINGS if re.search(rf"[\"']{name}[\"']", texts)]
    return [f"| `{name}` | {_SETTINGS[name]} |" for name in used if name != "DSN" or "schema.sql" in made.files]
