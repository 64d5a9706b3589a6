"""What every test gets: a home of its own, so that no test reads or writes the user's labs, journals and profiles."""

import os
import signal
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from eosctl.lab.state import labs_folder

pytest_plugins = [
    "fixtures.counting_proxy",
    "fixtures.lab",
    "fixtures.outbox",
    "fixtures.playing",
    "fixtures.rehearsal",
    "fixtures.cdc",
    "fixtures.command",
    "fixtures.dead_letters",
    "fixtures.dedup",
    "fixtures.exporter",
    "fixtures.golden",
    "fixtures.offsets",
    "fixtures.operator",
    "fixtures.scaffolds",
    "fixtures.streams",
]

_CONNECTIONS = ("EOSCTL_PROFILE", "EOSCTL_BOOTSTRAP_SERVER", "EOSCTL_DSN", "EOSCTL_KAFKA_CONFIG", "EOSCTL_CONNECT_URL")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our own flags."""
    parser.addoption("--update-goldens", action="store_true", help="Write tests/golden anew")


def pytest_configure(config: pytest.Config) -> None:
    """Warnings are errors but for two of kafka-python's.

    It reads its schemas by a function that Python 3.11 deprecates, and leaves TLS sockets open when bootstrap fails.
    """
    config.addinivalue_line(
        "filterwarnings", "ignore:Exception ignored in. <ssl:pytest.PytestUnraisableExceptionWarning"
    )
    settings.register_profile("eosctl", deadline=None)  # a loaded machine is no failure
    settings.load_profile("eosctl")
    config.addinivalue_line("filterwarnings", "ignore:(read_text|open_text) is deprecated:DeprecationWarning")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stopped run ends its labs, as on Ctrl-C


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what its servers complained about: the folders are gone when one wants to look."""
    report = yield
    if report.failed and "XDG_DATA_HOME" in os.environ:
        for log in sorted(labs_folder().glob("*/logs/*.log")):
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            said = [line for line in lines if " INFO " not in line][-40:]
            report.sections.append((f"{log.parent.parent.name}/{log.name}, last complaints", "\n".join(said)))
    return report


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Data, configuration and state live in a temporary folder. The cache stays the user's: jars are fetched once."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATA", "CONFIG", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(folder / name.lower()))
        patch.setenv("EOSCTL_TIMEOUT", "60s")  # a machine that stands still for a while is no failure
        for name in [*_CONNECTIONS, *(one for one in os.environ if one.startswith("PG"))]:
            patch.delenv(name, raising=False)
        yield
