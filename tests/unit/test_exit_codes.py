"""Exit codes are a promise to scripts: the numbers never change, and each error ends with its own."""

import pytest

from eosctl.core import errors
from eosctl.core.exit_codes import ExitCode, status_of


def test_the_numbers_are_the_documented_ones() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "DONE": 0,
        "FAILED": 1,
        "USAGE": 2,
        "PROBLEM": 3,
        "WORLD_CHANGED": 4,
        "PARTLY_DONE": 5,
        "UNREACHABLE": 6,
        "REFUSED": 7,
        "INTERRUPTED": 130,
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.OperationFailed, 1),
        (errors.UsageError, 2),
        (errors.WorldChanged, 4),
        (errors.PartlyDone, 5),
        (errors.Unreachable, 6),
        (errors.Refused, 7),
        (errors.Interrupted, 130),
    ],
)
def test_each_error_ends_with_its_code(error: type[errors.EosctlError], code: int) -> None:
    assert int(error("some_code", "What.").exit_code) == code


def test_a_status_says_the_same_as_the_code() -> None:
    assert [status_of(code) for code in ExitCode] == [
        "ok",
        "failed",
        "failed",
        "problem",
        "failed",
        "partial",
        "failed",
        "failed",
        "failed",
    ]


def test_a_notice_holds_what_and_why_and_the_hint_apart() -> None:
    notice = errors.Refused("no", "It was refused.", why="A rule.", hint="Do this.").notice()
    assert (notice.code, notice.message, notice.hint) == ("no", "It was refused. A rule.", "Do this.")


def test_the_nearest_names_are_suggested() -> None:
    assert errors.did_you_mean("ordrs", ["orders", "payments"]) == "Did you mean 'orders'?"
    assert errors.did_you_mean("zzz", ["orders", "payments"]) == ""
