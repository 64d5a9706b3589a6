"""What every test gets: a home of its own, so that no test reads or writes the user's labs, journals and profiles."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

pytest_plugins = [
    "fixtures.ahead",
    "fixtures.command",
    "fixtures.counting_proxy",
    "fixtures.lab",
    "fixtures.outbox",
    "fixtures.playing",
    "fixtures.rehearsal",
    "fixtures.cdc",
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


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Data, configuration and state live in a temporary folder. The cache stays the user's: jars are fetched once."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATA", "CONFIG", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(folder / name.lower()))
        for name in [*_CONNECTIONS, *(one for one in os.environ if one.startswith("PG"))]:
            patch.delenv(name, raising=False)
        yield
