"""`--watch` on a real terminal: whole at every size, readable without colour, patient with a broker that is away."""

import contextlib
import re
import socket
import threading
from collections.abc import Callable

from fixtures.screen import ScreenOf

from eosctl.domain.lab import Incident
from eosctl.lab.state import LabState

CTRL_C = "\x03"
LEAVES_THE_SCREEN = "\x1b[?1049l"


def test_a_hanging_transaction_is_seen_narrow_and_wide_and_stays_when_the_view_ends(
    lab: LabState, inject: Callable[..., Incident]
) -> None:
    topic = inject("hanging-transaction").facts["topic"]
    words = ("txn", "hanging", "--topic", topic, "--bootstrap-server", lab.bootstrap_servers, "--watch", "1")
    with ScreenOf(*words, columns=50, lines=24) as screen:
        narrow = screen.shows("eosctl txn hanging  every 1s", topic, "hanging", "VERDICT")
        assert not any("TOPIC" in line and "VERDICT" in line for line in narrow), "fields stand one below the other"
        screen.resize(200, 40)
        screen.shows("TOPIC", "VERDICT", one_line=True)
        screen.shows(topic, "hanging", one_line=True)
        screen.press(CTRL_C)
        assert screen.end() == 3
        assert topic in screen.raw.rpartition(LEAVES_THE_SCREEN)[2], "the last answer is left on the ordinary screen"


def test_a_page_that_is_too_long_says_how_much_is_missing_and_needs_no_colour(lab: LabState) -> None:
    words = ("status", "--bootstrap-server", lab.bootstrap_servers, "--watch")
    with ScreenOf(*words, columns=40, lines=12, NO_COLOR="1") as screen:
        seen = screen.shows("eosctl status", "more lines; a taller window")
        assert len(seen) == 12
        screen.resize(160, 50)
        full = screen.shows("brokers", "transactions", "groups", "Ctrl-C ends")
        assert not any("more lines" in line for line in full)
        screen.press(CTRL_C)
        assert screen.end() in (0, 3, 5), "whatever else is on this lab"
        assert not re.search(r"\x1b\[[0-9;]*3[1-7]m", screen.raw)


def test_a_broker_that_is_away_is_said_and_seen_when_it_is_back(lab: LabState) -> None:
    host, _, port = lab.bootstrap_servers.partition(":")
    with socket.socket() as door:  # bound and not listening: refused at once, and nobody else can take the port
        door.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{door.getsockname()[1]}"
        words = ("status", "--bootstrap-server", address, "--timeout", "3s", "--watch", "1")
        with ScreenOf(*words, columns=80, lines=24) as screen:
            screen.shows("Error:", address)
            assert screen.process.poll() is None
            door.listen()
            threading.Thread(target=_let_in, args=(door, (host, int(port))), daemon=True).start()
            back = screen.shows("brokers", "transactions")
            assert not any(address in line for line in back)
            screen.press(CTRL_C)
            assert screen.end() in (0, 3, 5), "whatever else is on this lab"
        door.shutdown(socket.SHUT_RDWR)


def _let_in(door: socket.socket, broker: tuple[str, int]) -> None:
    """Passes bytes between whoever knocks and the broker, until the door is shut."""
    while True:
        try:
            outside, _ = door.accept()
        except OSError:
            return
        inside = socket.create_connection(broker)
        for source, target in ((outside, inside), (inside, outside)):
            threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with target, contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
