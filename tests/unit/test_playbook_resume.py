"""A run that was cut off goes on, and does nothing twice: after a failure, a crash, an undo, a changed world."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from fixtures.playing import Play, Power

from eosctl.core.errors import OperationFailed, Unreachable
from eosctl.playbook.record import RunRecord

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
