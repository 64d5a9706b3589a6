"""Gives playbooks their hands: gateways, journal, the person, the policy of the shared flags and the profile."""

from typing import TYPE_CHECKING, Any

from eosctl.cli.person import TerminalPerson
from eosctl.core.progress import Silent
from eosctl.playbook.actions import Hands
from eosctl.playbook.library import PlaybookLibrary
from eosctl.ports.playbooks import RunOutcome, RunWish
from eosctl.runtime.confirmation import Situation

if TYPE_CHECKING:
    from eosctl.cli.wiring import CliGateways
    from eosctl.ports.person import PersonGateway


class CliPlaybooks(PlaybookLibrary):
    """The library; a wish's `--yes` and `--confirm` become the run's situation."""

    def __init__(
        self, gateways: "CliGateways", wish: RunWish | None = None, *, person: "PersonGateway | None" = None
    ) -> None:
        from eosctl.cli.run import who

        person, settings = person or TerminalPerson(), gateways.settings
        situation = Situation(
            interactive=person.interactive(),
            yes=wish.yes if wish else False,
            profile=settings.profile_name,
            protected=settings.protected,
            confirm=wish.confirm if wish else "",
        )
        self._gateways = gateways
        self._person = person

        def fresh() -> Any:
            from eosctl.cli.wiring import make_gateways

            return make_gateways(settings, progress=Silent(), stop=gateways.stop)

        hands = Hands(gateways, gateways.record, person, situation, who(), fresh)
        super().__init__(hands, settings.environment)

    def run(self, name: str, wish: RunWish) -> RunOutcome:
        """Runs with the wish's policy."""
        return super(CliPlaybooks, CliPlaybooks(self._gateways, wish, person=self._person)).run(name, wish)

    def resume(self, run: str, wish: RunWish, *, accept_changed: bool) -> RunOutcome:
        """Resumes with the wish's policy."""
        return super(CliPlaybooks, CliPlaybooks(self._gateways, wish, person=self._person)).resume(
            run, wish, accept_changed=accept_changed
        )


def library(gateways: "CliGateways") -> PlaybookLibrary:
    """The playbooks of this command."""
    return CliPlaybooks(gateways)
