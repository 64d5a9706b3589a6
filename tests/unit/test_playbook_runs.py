"""What a run does and what it never does twice: lists, retries, rescue, a person, `--step`, `--from`, resume."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from fixtures.pages import charts_in, parsed
from fixtures.playing import Play, Power

from eosctl.core.errors import Interrupted, OperationFailed, Refused, Unreachable, UsageError
from eosctl.playbook.locking import locked
from eosctl.playbook.record import RunRecord
from eosctl.ports.playbooks import RunWish

MakePlay = Callable[..., Play]

LIST = """steps:
  - id: set
    for_each: "[{'n': 'a'}, {'n': 'b'}, {'n': 'c'}]"
    run: registers.set
    with: {name: "${{ item.n }}", value: 9}
    register: done
  - {id: after, run: registers.read, with: {name: a}, when: "size(done) == 3"}
"""


def test_a_list_goes_on_at_the_item_that_failed(make_play: MakePlay) -> None:
    play = make_play()
    play.world.handler.broken = ("b",)
    with pytest.raises(OperationFailed, match="b is broken"):
        play.run(LIST)
    play.world.handler.broken = ()
    play.world.refuses_anew = True
    assert play.resume().status == "done"
    assert play.world.handler.acted == ["a", "b", "c"]


def test_an_item_whose_change_was_made_when_the_power_went_is_not_made_again(make_play: MakePlay) -> None:
    """Its operation would refuse it now; its plan's `done_when` says that it is done."""
    play = make_play()
    play.world.dies_after = "b"
    with pytest.raises(Power):
        play.run(LIST)
    play.world.refuses_anew = True
    outcome = play.resume()
    assert [(one.step, one.status) for one in outcome.steps] == [("set", "done"), ("after", "done")]
    assert play.world.handler.acted == ["a", "b", "c"]
    assert "was done already: Set b to 9" in outcome.steps[0].message


def test_a_plan_that_was_cut_off_before_its_change_is_gone_on_with(make_play: MakePlay) -> None:
    play = make_play()
    play.world.handler.broken = ("a",)
    with pytest.raises(OperationFailed):
        play.run(LIST)
    play.world.handler.broken = ()
    play.resume()
    assert "Going on with the plan that was cut off." in play.person.heard


def test_a_plan_is_made_anew_when_the_world_moved_on(make_play: MakePlay) -> None:
    play = make_play()
    play.world.handler.broken = ("a",)
    with pytest.raises(OperationFailed):
        play.run(LIST)
    play.world.handler.broken = ()
    play.world.handler.registers["a"] = 5
    assert play.resume().status == "done"
    assert play.world.handler.registers == {"a": 9, "b": 9, "c": 9, "fuse": 0}


def test_a_torn_last_line_of_the_record_costs_that_line_alone(make_play: MakePlay) -> None:
    from eosctl.playbook.record import runs_folder

    play = make_play()
    play.world.handler.broken = ("b",)
    with pytest.raises(OperationFailed):
        play.run(LIST)
    record = runs_folder() / play.newest() / "events.jsonl"
    record.write_text(record.read_text(encoding="utf-8") + '{"event": "step", "st', encoding="utf-8")
    play.world.handler.broken = ()
    play.resume()
    assert [one["event"] for one in play.events() if one["event"] in ("resume", "end")] == ["end", "resume", "end"]


def test_what_was_undone_is_done_again(make_play: MakePlay) -> None:
    play = make_play()
    steps = """steps:
  - {id: one, run: registers.set, with: {name: a, value: 9}}
  - {id: two, run: registers.set, with: {name: b, value: 9}, on_failure: {rollback: undo}}
"""
    play.world.handler.broken = ("b",)
    with pytest.raises(OperationFailed):
        play.run(steps)
    assert play.world.handler.registers["a"] == 1
    play.world.handler.broken = ()
    assert play.resume().status == "done"
    assert (play.world.handler.registers["a"], play.world.handler.registers["b"]) == (9, 9)


def test_a_rollback_after_a_resume_takes_back_what_the_first_process_did(make_play: MakePlay) -> None:
    play = make_play()
    steps = """steps:
  - {id: one, run: registers.set, with: {name: a, value: 9}}
  - {id: two, run: registers.read, with: {name: b}}
  - {id: three, run: registers.set, with: {name: c, value: 9}, on_failure: {rollback: undo}}
"""
    play.world.handler.broken = ("c",)
    play.world.fails = [Unreachable("gone", "The servers are gone.") for _ in range(1)]
    with pytest.raises(Unreachable):
        play.run(steps)
    play.world.fails = []
    with pytest.raises(OperationFailed):
        play.resume()
    assert play.world.handler.registers["a"] == 1


def test_what_can_not_be_undone_is_told(make_play: MakePlay) -> None:
    play = make_play()
    with pytest.raises(OperationFailed):
        play.run("""steps:
  - {id: burn, run: registers.set, with: {name: fuse, value: 1}}
  - {id: look, run: registers.read, with: {name: nobody}, on_failure: {rollback: undo}}
""")
    told = next(one["message"] for one in play.events() if one["event"] == "rollback")
    assert "can't be undone" in told
    assert "A fuse burns once." in told


def test_an_assertion_that_did_not_hold_is_looked_at_again_on_resume(make_play: MakePlay) -> None:
    play = make_play()
    steps = """steps:
  - id: look
    run: registers.read
    with: {name: a}
    assert: {that: "result.rows[0].value == 9", otherwise: {stop: failed, say: "a holds ${{ result.rows[0].value }}"}}
  - {id: after, run: registers.set, with: {name: b, value: 9}}
"""
    first = play.run(steps)
    assert (first.status, first.said) == ("failed", "a holds 1")
    assert play.resume().status == "failed"
    play.world.handler.registers["a"] = 9
    assert [one.status for one in play.resume().steps] == ["done", "done"]


def test_failures_that_may_pass_are_tried_again_with_a_longer_wait_each_time(make_play: MakePlay) -> None:
    play = make_play()
    play.world.fails = [Unreachable("gone", "The servers are gone.") for _ in range(3)]
    outcome = play.run("""steps:
  - {id: look, run: registers.read, with: {name: a}, retries: {times: 3, backoff: 1s}}
""")
    assert outcome.status == "done"
    assert [one["wait_ms"] for one in play.events() if one["event"] == "retry"] == [1_000, 2_000, 4_000]
    assert sum(play.world.waits) == 7_000


def test_tries_end_with_their_number_and_with_the_time_out(make_play: MakePlay) -> None:
    play = make_play()
    play.world.fails = [Unreachable("gone", "The servers are gone.") for _ in range(9)]
    with pytest.raises(Unreachable):
        play.run("steps: [{id: look, run: registers.read, with: {name: a}, retries: {times: 2, backoff: 1s}}]\n")
    assert len(play.world.reads) == 3
    with pytest.raises(Unreachable):
        play.run("""steps:
  - {id: look, run: registers.read, with: {name: a}, timeout: 2s, retries: {times: 9, backoff: 1s}}
""")
    assert len(play.world.reads) == 5


def test_wrong_input_is_not_tried_again(make_play: MakePlay) -> None:
    play = make_play()
    with pytest.raises(UsageError):
        play.run("""params: {v: {default: nine}}
steps:
  - {id: set, run: registers.set, with: {name: a, value: "${{ params.v }}"}, retries: {times: 5}}
""")
    assert play.world.waits == []


def test_a_change_whose_answer_was_lost_is_not_made_again_by_a_retry(make_play: MakePlay) -> None:
    play = make_play()
    handler = play.world.handler
    verify, lost = handler.verify, [True]

    def loses(*words: object) -> object:
        if lost:
            lost.clear()
            raise Unreachable("gone", "The answer is lost.")
        return verify(*words)  # type: ignore[arg-type]

    handler.verify = loses  # type: ignore[method-assign, assignment]
    play.world.refuses_anew = True
    outcome = play.run("""steps:
  - {id: set, run: registers.set, with: {name: a, value: 9}, retries: {times: 1, backoff: 1s}}
""")
    assert (outcome.status, handler.acted) == ("done", ["a"])


def test_waiting_has_a_limit_that_may_be_a_parameter(make_play: MakePlay) -> None:
    play = make_play()
    with pytest.raises(OperationFailed, match="did not become true in time"):
        play.run("""params: {limit: {type: duration, default: 3s}, every: {type: duration, default: 1s}}
steps:
  - id: wait
    run: registers.read
    with: {name: a}
    until: {that: "result.rows[0].value == 9", every: "${{ params.every }}", for: "${{ params.limit }}"}
""")
    assert len(play.world.reads) == 4


def test_queries_side_by_side_all_end_and_each_failure_is_named(make_play: MakePlay) -> None:
    play = make_play()
    with pytest.raises(OperationFailed, match=r"x: There is no register x\. y: There is no register y\."):
        play.run("""steps:
  - id: look
    parallel:
      - {id: x, run: registers.read, with: {name: x}}
      - {id: good, run: registers.read, with: {name: a}, register: good}
      - {id: y, run: registers.read, with: {name: y}}
""")
    assert sorted(play.world.reads) == ["a", "x", "y"]


INNER = """params: {name: {required: true}, value: {type: integer, default: 9}}
steps:
  - {id: set, run: registers.set, with: {name: "${{ params.name }}", value: "${{ params.value }}"}}
  - {id: look, run: registers.read, with: {name: "${{ params.name }}"}, register: seen}
"""


def test_an_included_playbook_has_its_own_parameters_and_keeps_what_it_registers(make_play: MakePlay) -> None:
    play = make_play()
    play.file(INNER, name="inner")
    steps = """steps:
  - {id: both, for_each: "['a', 'b']", include: inner.yaml, with: {name: "${{ item }}", value: 7}}
"""
    assert play.run(steps).status == "done"
    assert play.told()[:4] == [("both[0]/set", "done"), ("both[0]/look", "done"), ("both[1]/set", "done"),
                               ("both[1]/look", "done")]  # fmt: skip
    with pytest.raises(UsageError, match="seen"):
        play.run(steps + '  - {id: after, run: registers.read, with: {name: "${{ seen.rows[0].name }}"}}\n')


def test_an_included_playbook_goes_on_inside_and_a_change_of_it_is_noticed(make_play: MakePlay) -> None:
    play = make_play()
    play.file(INNER, name="inner")
    play.world.fails = []
    play.world.handler.broken = ("b",)
    steps = "steps:\n  - {id: both, for_each: \"['a', 'b']\", include: inner.yaml, with: {name: \"${{ item }}\"}}\n"
    with pytest.raises(OperationFailed):
        play.run(steps)
    play.world.handler.broken = ()
    play.file(INNER + "# changed\n", name="inner")
    with pytest.raises(Refused, match="changed since"):
        play.resume()
    assert play.resume(accept_changed=True).status == "done"
    assert play.world.handler.acted == ["a", "b"]


def test_each_step_is_asked_for_and_a_no_stops(make_play: MakePlay) -> None:
    play = make_play(["y", "n", "n"])
    with pytest.raises(Interrupted, match="Stopped before step two"):
        play.run("""steps:
  - {id: one, run: registers.set, with: {name: a, value: 9}}
  - {id: two, run: registers.set, with: {name: b, value: 9}}
finally:
  - {id: bye, run: registers.set, with: {name: c, value: 9}}
""", ask_each=True)  # fmt: skip
    assert play.world.handler.acted == ["a"]
    assert play.told() == [("one", "done"), ("finally/bye", "skipped")]


def test_nobody_can_be_asked_before_each_step_without_a_terminal(make_play: MakePlay) -> None:
    with pytest.raises(Refused, match="Nobody is there"):
        make_play().run("steps: [{id: one, run: registers.read, with: {name: a}}]\n", ask_each=True)


STEPS = """steps:
  - {id: one, run: registers.read, with: {name: a}, register: seen}
  - {id: two, run: registers.set, with: {name: b, value: 9}}
  - {id: three, run: registers.set, with: {name: c, value: 9}, when: "size(seen.rows) == 1"}
"""


def test_a_run_may_begin_with_a_later_step_unless_an_earlier_result_is_wanted(make_play: MakePlay) -> None:
    play = make_play()
    with pytest.raises(UsageError, match="Step three wants seen, of step one"):
        play.run(STEPS, start_at="two")
    with pytest.raises(UsageError, match="has no step 'tow'"):
        play.run(STEPS, start_at="tow")
    outcome = play.run(STEPS.replace(', when: "size(seen.rows) == 1"', ""), start_at="two")
    assert [one.status for one in outcome.steps] == ["skipped", "done", "done"]


def test_a_person_says_done_or_failed_and_leaves_a_note(make_play: MakePlay) -> None:
    steps = "steps:\n  - {id: call, manual: Call the team, register: called}\n"
    play = make_play(["y", "spoke to Kim"])
    assert play.run(steps).steps[0].message == "done by hand. spoke to Kim"
    play = make_play(["n", "nobody there"])
    with pytest.raises(OperationFailed, match="It was not done") as failed:
        play.run(steps)
    assert failed.value.why == "nobody there"
    assert [(one["question"], one["answer"]) for one in play.events() if one["event"] == "asked"] == [
        ("Is it done?", "no"), ("A note for the record:", "nobody there"),
    ]  # fmt: skip


def test_a_declined_plan_changes_nothing_and_its_question_is_kept(make_play: MakePlay) -> None:
    play = make_play(["n"])
    with pytest.raises(Refused, match="not confirmed"):
        play.run("""steps:
  - {id: set, run: registers.set, with: {name: a, value: 9}, confirm: "Set ${{ 'a' }}?"}
""", yes=False)  # fmt: skip
    assert play.world.handler.acted == []
    assert [(one["question"], one["answer"]) for one in play.events() if one["event"] == "asked"] == [("Set a?", "no")]


def test_a_dry_run_says_what_hangs_on_an_earlier_outcome(make_play: MakePlay) -> None:
    play = make_play()
    outcome = play.run("""steps:
  - {id: look, run: registers.read, with: {name: a}, register: before}
  - {id: set, run: registers.set, with: {name: a, value: 9}}
  - id: again
    run: registers.read
    with: {name: a}
    register: after
    assert: {that: "result.rows[0].value == 9"}
  - {id: next, run: registers.set, with: {name: b, value: "${{ after.rows[0].value }}"}}
  - {id: known, run: registers.set, with: {name: c, value: "${{ before.rows[0].value }}"}}
""", dry_run=True)  # fmt: skip
    assert [(one.step, one.status) for one in outcome.steps] == [
        ("look", "done"), ("set", "planned"), ("again", "done"), ("next", "unknown"), ("known", "planned"),
    ]  # fmt: skip
    assert "as it is now, before set" in outcome.steps[2].message
    assert play.world.handler.acted == []


def test_a_secret_is_masked_in_record_report_journal_and_on_the_terminal(make_play: MakePlay, tmp_path: object) -> None:
    play = make_play(["y", "it is hunter2-x, written down"])
    report = play.folder / "r.html"
    head = "params: {word: {type: secret, required: true}}\n"
    with pytest.raises(OperationFailed) as failed:
        play.run("""steps:
  - {id: call, manual: "Say ${{ params.word }} to the guard"}
  - {id: look, run: registers.read, with: {name: "${{ params.word }}"}}
""", head=head, params={"word": "hunter2-x"}, report=report)  # fmt: skip
    assert "hunter2-x" not in json.dumps(play.events()) + report.read_text(encoding="utf-8")
    parsed(report.read_text(encoding="utf-8"))
    assert "hunter2-x" not in " ".join(play.person.heard) + str(failed.value) + failed.value.message
    with pytest.raises(UsageError, match="wants word"):
        play.resume()


def test_an_html_report_shows_when_each_step_ran(make_play: MakePlay) -> None:
    play = make_play(["y"])
    report = play.folder / "r.html"
    play.run("""steps:
  - {id: look, run: registers.read, with: {name: a}}
  - {id: again, run: registers.read, with: {name: b}}
""", report=report)  # fmt: skip
    (chart,) = charts_in(parsed(report.read_text(encoding="utf-8")))
    assert chart.attrib["aria-label"] == "When each step ran"
    words = {one.text for one in chart.iter("{http://www.w3.org/2000/svg}text")}
    assert {"look", "again"} <= words
    assert "done" in " ".join(filter(None, chart.itertext()))


def test_a_plan_that_holds_a_secret_is_refused_for_it_would_be_journalled(make_play: MakePlay) -> None:
    play = make_play()
    play.world.handler.registers["hunter2-x"] = 1
    with pytest.raises(Refused, match="holds a secret"):
        play.run("""steps:
  - {id: set, run: registers.set, with: {name: "${{ params.word }}", value: 9}}
""", head="params: {word: {type: secret, required: true}}\n", params={"word": "hunter2-x"})  # fmt: skip
    assert play.world.handler.acted == []


def test_a_first_interrupt_ends_the_steps_and_finally_is_still_run(make_play: MakePlay) -> None:
    play = make_play()

    class Asked:
        def requested(self) -> bool:
            return "a" in play.world.reads

    play.servers.stop = Asked()
    with pytest.raises(Interrupted, match="Stopped at step two"):
        play.run("""steps:
  - {id: one, run: registers.read, with: {name: a}}
  - {id: two, run: registers.set, with: {name: b, value: 9}}
finally:
  - {id: bye, run: registers.set, with: {name: c, value: 9}}
""")
    assert play.world.handler.acted == ["c"]
    play.servers.stop.requested = lambda: False  # type: ignore[method-assign]
    assert play.resume().status == "done"
    assert play.world.handler.acted == ["c", "b"]


def test_the_report_tells_who_when_seen_asked_answered_changed_and_the_way_back(make_play: MakePlay) -> None:
    play = make_play(["y", "y", "all well"])
    steps = """steps:
  - {id: look, run: registers.read, with: {name: a}}
  - {id: set, run: registers.set, with: {name: a, value: 9}, confirm: "Set it?"}
  - {id: call, manual: Tell the team}
"""
    for suffix in ("md", "html", "json"):
        play.person.answers = ["y", "y", "all well"]
        play.world.handler.registers["a"] = 1
        report = play.folder / f"report.{suffix}"
        play.run(steps, yes=False, report=report)
        text = report.read_text(encoding="utf-8")
        entry = next(one["journal_id"] for one in play.events() if one["event"] == "changing")
        for words in ("ops@here", "2026-", "registers.read", "Set it?", "yes", "all well", f"eosctl undo {entry}"):
            assert words in text, (suffix, words)
    assert "| set | a | value | 1 | 9 |" in (play.folder / "report.md").read_text(encoding="utf-8")
    told = json.loads((play.folder / "report.json").read_text(encoding="utf-8"))
    assert (told["status"], told["steps"][1]["changes"][0]["after"]) == ("done", "9")


def test_a_rescue_is_done_each_time_its_step_fails(make_play: MakePlay) -> None:
    play = make_play()
    steps = """steps:
  - id: look
    run: registers.read
    with: {name: nobody}
    on_failure: {rescue: [{id: note, run: registers.read, with: {name: a}}]}
"""
    with pytest.raises(OperationFailed):
        play.run(steps)
    with pytest.raises(OperationFailed):
        play.resume()
    assert play.world.reads == ["nobody", "a", "nobody", "a"]


def test_without_servers_the_lock_holds_on_this_machine_and_says_so(make_play: MakePlay) -> None:
    play = make_play()
    steps = "lock: mine\nsteps: [{id: one, run: registers.read, with: {name: a}}]\n"
    with (
        locked("mine", "kim", play.library()._hands.fresh, play.person.say),
        pytest.raises(Refused, match="another run"),
    ):
        play.run(steps)
    assert any("on this machine alone" in one for one in play.person.heard)
    assert play.run(steps).status == "done"
    assert play.run(steps, dry_run=True).status == "planned"


def test_a_secret_among_the_parameters_of_a_change_is_masked_in_the_journal(make_play: MakePlay) -> None:
    play = make_play()
    head = "params: {word: {type: secret, required: true}}\n"
    play.world.handler.broken = ("b",)
    with pytest.raises(OperationFailed):
        play.run("""steps:
  - {id: one, run: registers.set, with: {name: a, value: 9, note: "${{ params.word }}"}}
  - {id: two, run: registers.set, with: {name: b, value: 9, note: "${{ params.word }}"}}
""", head=head, params={"word": "hunter2-x"})  # fmt: skip
    journal = "".join(one.read_text(encoding="utf-8") for one in (play.folder / "journal").iterdir())
    assert "hunter2-x" not in journal
    assert "******" in journal
    play.world.handler.broken = ()
    assert play.resume(params={"word": "hunter2-x"}).status == "done"
    assert play.world.handler.acted == ["a", "b"]


@pytest.mark.parametrize("last_write", range(1, 16))
def test_wherever_the_power_goes_each_change_is_made_once(
    make_play: MakePlay, monkeypatch: pytest.MonkeyPatch, last_write: int
) -> None:
    """The process dies after each event that it writes, in turn; what follows would refuse a change that is made."""
    play = make_play()
    write, written = RunRecord.write, list[str]()

    def dies(self: RunRecord, event: str, at: datetime, **data: Any) -> None:
        write(self, event, at, **data)
        written.append(event)
        if len(written) == last_write:
            raise Power

    monkeypatch.setattr(RunRecord, "write", dies)
    with pytest.raises(Power):
        play.run(LIST)
    monkeypatch.setattr(RunRecord, "write", write)
    play.world.refuses_anew = True
    if written[-1] == "end":
        assert last_write == 15, "the run is whole: the range above covers every event of it"
    else:
        assert play.resume().status == "done"
    assert play.world.handler.acted == ["a", "b", "c"]


def test_a_playbook_made_for_another_environment_or_a_newer_eosctl_is_refused(make_play: MakePlay) -> None:
    play = make_play()
    steps = "steps: [{id: one, run: registers.read, with: {name: a}}]\n"
    file = play.file(steps, head="requires: {environments: [staging, prod]}\n")
    with pytest.raises(Refused, match="is made for staging, prod"):
        play.library().run(str(file), RunWish(params={}))
    assert play.library(environment="staging").run(str(file), RunWish(params={})).status == "done"
    with pytest.raises(Refused, match="wants eosctl 99"):
        play.run(steps, head='requires: {min_version: "99"}\n')


def test_what_a_step_did_is_told_when_its_assertion_ends_the_run(make_play: MakePlay) -> None:
    play = make_play()
    report = play.folder / "r.json"
    outcome = play.run("""steps:
  - id: set
    run: registers.set
    with: {name: a, value: 9}
    assert: {that: "size(result.rows) == 7", otherwise: {stop: failed, say: Not all}}
""", report=report)  # fmt: skip
    told = json.loads(report.read_text(encoding="utf-8"))
    assert (outcome.status, outcome.steps[0].journal_id != "") == ("failed", True)
    assert told["steps"][0]["changes"][0]["after"] == "9"
    assert told["steps"][0]["seen"]["rows"] == [{"name": "a", "value": 9}]
    assert told["undo_with"] == [f"eosctl undo {outcome.steps[0].journal_id}"]


def test_a_rescue_that_fails_does_not_keep_from_the_way_back(make_play: MakePlay) -> None:
    play = make_play()
    with pytest.raises(OperationFailed, match="no register nothing"):
        play.run("""steps:
  - {id: one, run: registers.set, with: {name: a, value: 9}}
  - id: two
    run: registers.read
    with: {name: nobody}
    on_failure: {rollback: undo, rescue: [{id: note, run: registers.read, with: {name: nothing}}]}
""")
    assert play.world.handler.registers["a"] == 1
