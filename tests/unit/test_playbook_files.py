"""What `playbook validate` finds: every fault with its line and column, and the nearest right name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import UsageError
from eosctl.playbook.expressions import evaluated, filled, holds, names_in
from eosctl.playbook.library import folders
from eosctl.playbook.loader import inspect
from eosctl.playbook.model import Playbook
from eosctl.playbook.parameters import values_of
from eosctl.playbook.schema import schema_of_playbooks

HEAD = "schema: eosctl.playbook/v1\nname: one\nsummary: One\nparams: {group: {required: true}, age: {type: duration}}\n"
GOOD = HEAD + "steps:\n  - {id: look, run: txn.blocked, with: {group: '${{ params.group }}'}}\n"


def faults(tmp_path: Path, text: str) -> tuple[str, ...]:
    file = tmp_path / "p.yaml"
    file.write_text(text, encoding="utf-8")
    return tuple(one.removeprefix(str(tmp_path) + "/") for one in inspect(file)[1])


def test_a_good_file_has_no_fault(tmp_path: Path) -> None:
    assert faults(tmp_path, GOOD) == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (GOOD.replace("summary:", "sumary:"), "p.yaml:3:1: 'sumary' is not known here. Did you mean 'summary'?"),
        (GOOD.replace("with:", "wiht:"), "p.yaml:6:34: 'wiht' is not known here. Did you mean 'with'?"),
        (GOOD.replace("txn.blocked", "txn.blokced"), "p.yaml:6:16: there is no action 'txn.blokced'. "
         "Did you mean 'txn.blocked'"),
        (GOOD.replace("{group: '$", "{grup: '$"), "p.yaml:6:41: txn.blocked has no parameter 'grup'. "
         "Did you mean 'group'?"),
        (GOOD.replace("params.group", "params.gruop"), "p.yaml:6:41: the playbook has no parameter 'gruop'. "
         "Did you mean 'group'?"),
        (GOOD.replace("params.group }}", "params.group + }}"), "is not a valid expression"),
        (GOOD.replace("type: duration", "type: durration"), "p.yaml:4:41: type: 'durration' is none of string, "
         "integer, number, boolean, duration, secret. Did you mean 'duration'?"),
        (GOOD.replace("type: duration", "type: integer, default: x"),
         "p.yaml:4:56: age='x': Input should be a valid integer"),
        (GOOD + "  - {id: two, run: txn.list, when: 'size(seen.rows) == 0'}\n",
         "p.yaml:7:30: 'seen' is not known here."),
        (GOOD + "  - {id: two, run: txn.list, when: 'size(x.rows) == 0'}\n"
         "  - {id: z, run: txn.list, register: x}\n",
         "p.yaml:7:30: 'x' is not known here yet: step z registers it."),
        (GOOD + "  - {id: two, run: txn.abort, with: {topic_partition: '${{ itme.t }}'}, for_each: '[1]'}\n",
         "'itme' is not known here. Did you mean 'item'?"),
        (GOOD + "  - {id: two, run: txn.list, plan_only: true}\n", "p.yaml:7:30: txn.list changes nothing"),
        (GOOD + "  - {id: two, parallel: [{id: x, run: txn.list, retries: {times: 2}}]}\n",
         "p.yaml:7:49: 'retries' is not for steps inside of parallel."),
        (GOOD + "  - {id: two, manual: Do it, until: {that: 'true', for: 1s}}\n", "p.yaml:7:30: only what is asked"),
        (GOOD + "  - {id: two, include: p.yaml}\n", "p.yaml:7:15: p.yaml includes this playbook again."),
        (GOOD + "  - {id: two, run: offsets.show, with: {group: g, store: kafak}}\n",
         "store: 'kafak' is none of kafka, db, both. Did you mean 'kafka'?"),
        (GOOD + "  - {id: look, run: txn.list}\n", "p.yaml:7:6: a step 'look' is there already."),
        (GOOD + "  - {id: two}\n", "has exactly one of run, manual, parallel, include; this has none."),
        (GOOD + "  - {id: two, run: txn.list, with: {older_than: 10}, when: '1 +'}\n", "is not a valid expression"),
        (GOOD + "  - {id: two, run: txn.list, with: {older_than: soon}}\n", "p.yaml:7:37: older_than: 'soon' is not a"),
        (GOOD + "  - {id: two, run: txn.abort, with: {topic_partition: [1]}}\n", "p.yaml:7:38: topic_partition:"),
        (GOOD + "  - {id: two, include: other.yaml}\n", "p.yaml:7:15: there is no playbook 'other.yaml' beside"),
        (GOOD + "  - {id: two, parallel: [{id: x, run: txn.abort}]}\n", "x is no query; only queries run side"),
        (GOOD + "  - {id: two, run: playbook.run}\n", "p.yaml:7:15: playbook.run can't be a step of a playbook."),
        (GOOD + "name: again\n", "p.yaml:7:1: 'name' is there twice."),
        ("steps: [\n", "p.yaml:2:1:"),
        ("just words", "p.yaml:1:1: it is not a playbook."),
        (HEAD, "'steps' is missing."),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place(tmp_path: Path, text: str, fault: str) -> None:
    assert any(fault in one for one in faults(tmp_path, text)), faults(tmp_path, text)


def test_what_an_included_playbook_wants_and_has_not_is_told(tmp_path: Path) -> None:
    (tmp_path / "inner.yaml").write_text(GOOD, encoding="utf-8")
    found = faults(tmp_path, GOOD + "  - {id: two, include: inner.yaml, with: {gruop: g}}\n")
    assert [one.partition(": ")[2] for one in found] == [
        "inner.yaml wants 'group'.", "inner.yaml has no parameter 'gruop'. Did you mean 'group'?",
    ]  # fmt: skip


@pytest.mark.parametrize("path", sorted(folders()[-1].glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_playbooks_have_no_fault(path: Path) -> None:
    playbook, found = inspect(path)
    assert found == ()
    assert playbook is not None
    assert playbook.name == path.stem


def test_the_kept_schema_is_the_one_of_the_registry() -> None:
    import json

    kept = json.loads((folders()[-1] / "playbook.schema.json").read_text(encoding="utf-8"))
    assert kept == schema_of_playbooks(), "run `make docs`"


def test_templates_keep_types_and_join_words() -> None:
    scope = {"params": {"n": 3, "name": "a"}, "item": {"topic": "t", "partition": 0}}
    assert filled("${{ params.n }}", scope) == 3
    assert filled("${{ item.topic }}:${{ item.partition }}", scope) == "t:0"
    assert filled("Look at ${{ [1, 2].map(n, 't:' + string(n)) }}", scope) == "Look at t:1, t:2"
    assert filled({"ids": ["${{ params.name }}", 7]}, scope) == {"ids": ["a", 7]}
    assert holds("size([1, 2]) == params.n - 1", scope)


@pytest.mark.parametrize("expression", ["params.missing", "nobody.name", "params.n + 'x'", "1/0"])
def test_what_can_not_be_evaluated_is_told(expression: str) -> None:
    with pytest.raises(UsageError):
        evaluated(expression, {"params": {"n": 3}})


def test_a_condition_that_is_no_condition_is_told() -> None:
    with pytest.raises(UsageError, match="not true or false"):
        holds("params.n", {"params": {"n": 3}})


def test_names_are_found_outside_of_strings() -> None:
    assert {"blocked"} <= names_in("size(blocked.rows) > 0 && 'other' == \"x\"")
    assert "other" not in names_in("blocked.rows == 'other'")
    assert "rows" not in names_in("blocked.rows")


@given(st.text(max_size=40))
def test_text_without_templates_is_left_alone(text: str) -> None:
    if "${{" not in text:
        assert filled(text, {}) == text


def playbook(**params: dict[str, object]) -> Playbook:
    steps = [{"id": "look", "run": "txn.list"}]
    return Playbook.model_validate(
        {"schema": "eosctl.playbook/v1", "name": "p", "summary": "P", "params": params, "steps": steps}
    )


def test_parameters_are_typed_and_have_defaults() -> None:
    one = playbook(count={"type": "integer"}, age={"type": "duration", "default": "15m"}, on={"type": "boolean"})
    assert values_of(one, {"count": "7", "on": "yes"}) == {"count": 7, "age": "15m", "on": True}


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"cuont": "7"}, "has no parameter 'cuont'"),
        ({}, "wants count"),
        ({"count": "seven"}, "count='seven'"),
        ({"count": "1", "age": "15"}, "age='15'"),
        ({"count": "1", "kind": "blue"}, "kind='blue' is none of red, green"),
    ],
)
def test_wrong_parameters_are_refused(given_: dict[str, str], words: str) -> None:
    one = playbook(
        count={"type": "integer", "required": True}, age={"type": "duration"}, kind={"choices": ["red", "green"]}
    )
    with pytest.raises(UsageError, match=words):
        values_of(one, given_)
