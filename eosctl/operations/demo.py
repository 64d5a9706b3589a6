"""`demo`: a stuck consumer and a zombie on a real Kafka, found and mended by eosctl's own commands, in a minute."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eosctl.core.counts import counted
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Action, Example
from eosctl.core.params import Params, param
from eosctl.core.report import Report
from eosctl.domain.lab import LabWish
from eosctl.ports import Gateways

_COMMAND_LIMIT_MS = 60_000
_REFUSAL_LIMIT_MS = 20_000


class DemoParams(Params):
    """On which lab."""

    name: str = param("demo", help="The lab to make for it")
    keep: bool = param(False, help="Leave the lab running afterwards")


@dataclass(frozen=True)
class DemoStep:
    """One step: what it shows, what came out, what was expected, and whether the two agree."""

    shows: str
    came: str
    expected: str
    ok: bool


class Demonstration:
    """The story, told on standard error; every step is checked, none is taken for granted."""

    def __init__(self, gateways: Gateways, name: str) -> None:
        self._gateways = gateways
        self._name = name
        self._environment: Mapping[str, str] = {}
        self.steps: list[DemoStep] = []

    def tell(self) -> None:
        """Raises what the lab raises when it can't be started or an incident can't be made."""
        lab, say = self._gateways.lab, self._gateways.commands.say
        say("Starting a real Kafka and PostgreSQL (the first time they are downloaded) ...")
        lab.up(self._name, LabWish())
        self._environment = lab.environment(self._name)
        stuck = lab.inject(self._name, "hanging-transaction", {})
        zombie = lab.inject(self._name, "zombie", {})
        say(f"\nTwo real incidents. 1: {stuck.happened}\n                    2: {zombie.happened}")
        self._the_stuck_group(stuck.facts)
        self._the_zombie(zombie.facts)
        say("\nAnd the whole page once more:")
        self._command("status says that all is well", 0, "status")

    def _the_stuck_group(self, facts: Mapping[str, str]) -> None:
        group, topic = facts["group"], facts["topic"]
        self._command("status finds the incidents", 3, "status")
        self._records("the group stands still", group, topic, expected=0)
        self._command("txn blocked explains why", 3, "txn", "blocked", "--group", group)
        where = f"{topic}:{facts['partition']}"
        self._command(
            "txn abort shows its plan and mends it",
            0,
            "txn",
            "abort",
            where,
            "--producer-id",
            facts["producer_id"],
            "-y",
        )
        self._records("the group reads on", group, topic, expected=int(facts["records_behind"]))

    def _the_zombie(self, facts: Mapping[str, str]) -> None:
        name = facts["transactional_id"]
        self._command("producers zombies has the evidence", 3, "producers", "zombies", "--sample", "2s")
        self._command("producers fence shows its plan and fences", 0, "producers", "fence", name, "--allow-live", "-y")
        self._note(
            "the zombie's next write is refused", self._refusal(), "refused", lambda came: came != "it writes on"
        )

    def _command(self, shows: str, expected: int, *words: str) -> None:
        code = self._gateways.commands.run(words, self._environment, limit_ms=_COMMAND_LIMIT_MS)
        self._note(shows, f"exit {code}", f"exit {expected}", lambda came: came == f"exit {expected}")

    def _records(self, shows: str, group: str, topic: str, *, expected: int) -> None:
        seen = counted(self._gateways.lab.read_on(self._name, group, topic), "record")
        wanted = counted(expected, "record")
        self._gateways.commands.say(f"\n# A read_committed member of {group} can read {seen}.")
        self._note(shows, seen, wanted, lambda came: came == wanted)

    def _refusal(self) -> str:
        """The zombie's own last words, when it was refused within the limit."""
        until = self._gateways.clock.monotonic_ms() + _REFUSAL_LIMIT_MS
        while self._gateways.clock.monotonic_ms() < until:
            lines = self._gateways.lab.incident_log(self._name, "zombie").splitlines()
            refused = next((line for line in lines if line.startswith("refused: ")), "")
            if refused:
                self._gateways.commands.say(f"\n# The zombie says: {refused}")
                return refused.partition("{")[0].strip()[:120] if "{" in refused else refused[:120]
            self._gateways.clock.sleep_ms(100)
        return "it writes on"

    def _note(self, shows: str, came: str, expected: str, fits: Callable[[str], bool]) -> None:
        self.steps.append(DemoStep(shows, came, expected, fits(came)))


def run(gateways: Gateways, params: DemoParams) -> Report:
    """Exit 1 when a step did not come out as it should. The lab is ended and deleted, whatever happens."""
    demonstration = Demonstration(gateways, params.name)
    began = gateways.clock.monotonic_ms()
    try:
        demonstration.tell()
    finally:
        if not params.keep:
            gateways.commands.say("\nStopping what was started ...")
            gateways.lab.down(params.name, purge=True)
    return told(tuple(demonstration.steps), gateways.clock.monotonic_ms() - began)


def told(steps: tuple[DemoStep, ...], took_ms: int) -> Report:
    """A row a step."""
    bad = [one for one in steps if not one.ok]
    word = f"All {counted(len(steps), 'step')} came out as they should"
    if bad:
        word = f"{len(bad)} of {counted(len(steps), 'step')} did not come out as they should"
    return Report(
        steps,
        DemoStep,
        exit_code=ExitCode.FAILED if bad else ExitCode.DONE,
        summary=f"{word}. It took {took_ms / 1_000:.0f} s.",
    )


OPERATION = Action(
    name="demo",
    summary="A stuck consumer and a zombie, found and mended on a real Kafka",
    params=DemoParams,
    result=DemoStep,
    run=run,
    details="Starts a lab of its own, makes a genuinely hanging transaction and a zombie producer, and runs status, "
    "txn blocked, txn abort, producers zombies and producers fence on them. Then it ends what it started.",
    examples=(Example("eosctl demo", "See the main job done."),),
)
