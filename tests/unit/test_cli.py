"""The command line: binding, shared flags, exit codes, the envelope on failure, what happens on wrong input."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from eosctl.cli.boundary import guarded, requested_format
from eosctl.cli.main import with_optional_values
from eosctl.render.output import Format


def eosctl(*words: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Runs the real command in a process of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("EOSCTL_")}
    return subprocess.run(
        [sys.executable, "-m", "eosctl", *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env={**kept, **(env or {})},
    )  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Folders of its own for configuration, state and labs."""
    return {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state"),
            "XDG_DATA_HOME": str(tmp_path / "data")}  # fmt: skip


def test_help_fits_one_screen_and_ends_with_examples() -> None:
    found = eosctl("--help")
    assert found.returncode == 0
    assert len(found.stdout.splitlines()) <= 50
    assert max(map(len, found.stdout.splitlines())) <= 100
    assert found.stdout.rstrip().splitlines()[-4].startswith("Examples:")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("jornal",), "'journal'"),
        (("txn", "lst"), "'list'"),
        (("txn", "list", "--stat", "Ongoing"), "--help"),
        (("txn", "list", "--state", "ongong"), "Ongoing"),
        (("txn", "list", "--older-than", "10"), "15m"),
        (("txn", "list", "--id", "("), "regular expression"),
        (("txn", "list", "-o", "jsn"), "json"),
        (("txn", "list", "-X", "nonsense"), "key=value"),
        (("txn", "list", "--timeout", "5"), "unit"),
        (("txn", "list", "--profile", "nope"), "profile"),
        (("txn", "list"), "--bootstrap-server"),
        (("apply", "/nonexistent.json"), "can't be read"),
        (("journal", "show", "20990101"), "journal list"),
        (("lab", "inject", "earthquake"), "lab"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_to_do(words: tuple[str, ...], hint: str, home: dict[str, str]) -> None:
    found = eosctl(*words, env=home)
    assert found.returncode == 2, found.stderr
    assert hint in found.stderr
    assert "Traceback" not in found.stderr
    assert found.stdout == ""


def test_a_failure_is_an_envelope_too(home: dict[str, str]) -> None:
    found = eosctl("txn", "list", "--state", "ongong", "-o", "json", env=home)
    envelope = json.loads(found.stdout)
    assert list(envelope) == ["schema", "operation", "status", "exit_code", "data", "warnings", "errors"]
    assert (envelope["schema"], envelope["operation"], envelope["status"]) == ("eosctl/v1", "txn.list", "failed")
    assert envelope["exit_code"] == found.returncode == 2
    assert set(envelope["errors"][0]) == {"code", "message", "hint"}


def test_nobody_listening_ends_with_6_and_names_the_server(home: dict[str, str]) -> None:
    found = eosctl("txn", "list", "--bootstrap-server", "127.0.0.1:1", env=home)
    assert found.returncode == 6
    assert "127.0.0.1:1" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_host_that_does_not_exist_ends_with_6(home: dict[str, str]) -> None:
    found = eosctl("txn", "list", "--bootstrap-server", "kafka.invalid:9092", "--timeout", "2s", env=home)
    assert found.returncode == 6
    assert "kafka.invalid:9092" in found.stderr


def test_profiles_are_added_used_shown_and_their_secrets_are_not(home: dict[str, str]) -> None:
    added = eosctl(
        "profile", "add", "staging", "--servers", "k:9092", "--database", "postgresql://u:hunter2@db/x", env=home
    )
    assert added.returncode == 0, added.stderr
    assert eosctl("profile", "use", "staging", env=home).returncode == 0
    shown = eosctl("profile", "list", "-o", "json", env=home)
    rows = json.loads(shown.stdout)["data"]
    assert [(row["name"], row["current"]) for row in rows] == [("staging", True)]
    assert "hunter2" not in shown.stdout + eosctl("profile", "show", "staging", env=home).stdout


def test_a_secret_in_clear_is_refused_for_a_profile(home: dict[str, str]) -> None:
    found = eosctl("profile", "add", "prod", "--set", "sasl.password=hunter2", env=home)
    assert found.returncode == 2
    assert "hunter2" not in found.stderr
    assert "${env:" in found.stderr


def test_a_profile_with_an_unknown_key_is_refused_by_name(home: dict[str, str]) -> None:
    file = Path(home["XDG_CONFIG_HOME"], "eosctl", "config.yaml")
    file.parent.mkdir(parents=True)
    file.write_text("profiles:\n  staging:\n    boostrap_servers: k:9092\n")
    found = eosctl("profile", "list", env=home)
    assert found.returncode == 2
    assert "bootstrap_servers" in found.stderr


def test_a_missing_environment_reference_is_named(home: dict[str, str]) -> None:
    words = ("txn", "list", "--bootstrap-server", "127.0.0.1:1", "-X", "client.id=${env:NO_SUCH_NAME}")
    found = eosctl(*words, env=home)
    assert found.returncode in (2, 6)
    assert "Traceback" not in found.stderr


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m eosctl journal list --help | head -1"
    found = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in found.stderr


def test_an_unexpected_error_writes_its_traceback_to_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise ZeroDivisionError("password=hunter2")

    assert guarded(["txn", "list"], broken) == 1
    told = capsys.readouterr().err
    assert "hunter2" not in told
    file = Path(told.split("The traceback is in ")[1].split(";")[0])
    assert "ZeroDivisionError" in file.read_text()
    assert "hunter2" not in file.read_text()
    file.unlink()


def test_an_interrupt_ends_with_130() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    assert guarded([], interrupted) == 130


def test_the_format_is_found_however_it_is_written() -> None:
    words = [["-o", "json"], ["-ojson"], ["--output", "yaml"], ["--output=csv"], ["txn", "list"], ["-o", "nonsense"]]
    assert [requested_format(one) for one in words] == [
        Format.JSON, Format.JSON, Format.YAML, Format.CSV, Format.TABLE, Format.TABLE,
    ]  # fmt: skip


def test_watch_may_stand_alone_or_with_seconds() -> None:
    assert with_optional_values(["status", "--watch"]) == ["status", "--watch", "2s"]
    assert with_optional_values(["status", "--watch", "5"]) == ["status", "--watch", "5s"]
    assert with_optional_values(["status", "--watch", "500ms", "-o", "wide"]) == [
        "status",
        "--watch",
        "500ms",
        "-o",
        "wide",
    ]
    assert with_optional_values(["status", "--watch", "-o", "wide"]) == ["status", "--watch", "2s", "-o", "wide"]
