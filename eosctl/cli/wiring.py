"""Puts the real parts together: adapters, lab, journal, profiles. The only place that knows all of them."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eosctl.adapters.gateways import LiveGateways

if TYPE_CHECKING:
    from eosctl.cli.settings import Settings
    from eosctl.core.progress import Progress, Stop
    from eosctl.ports import (
        BenchGateway,
        CommandsGateway,
        DocumentsGateway,
        InterviewGateway,
        JournalGateway,
        LabGateway,
        PlaybooksGateway,
        ProfilesGateway,
        VerifyGateway,
    )
    from eosctl.runtime.journal import Journal


class CliGateways(LiveGateways):
    """The gateways of a command: everything connects when it is first used."""

    def __init__(self, settings: Settings, *, progress: Progress, stop: Stop) -> None:
        super().__init__(
            kafka=settings.kafka,
            dsn=settings.dsn,
            profile=settings.sections,
            timeout_ms=settings.timeout_ms,
            progress=progress,
            stop=stop,
        )
        self.settings = settings

    @cached_property
    def lab(self) -> LabGateway:
        """Real servers on this machine."""
        from eosctl.lab.gateway import LocalLab

        lab: LabGateway = LocalLab()
        return lab

    @cached_property
    def verify(self) -> VerifyGateway:
        """Crash tests on the connection that was named."""
        from eosctl.adapters.connection import DatabaseConnection
        from eosctl.proof.gateway import LocalProof

        database = DatabaseConnection(self._dsn)
        named = bool(database.dsn) or any(one.startswith("PG") for one in os.environ)
        return LocalProof(
            self.connection.librdkafka(),
            database.libpq() if named else None,
            progress=self.progress,
            stop=self.stop,
            lab=self.lab,
            connect=self.connect,
            consent=self._consent,
            remove_members=self.groups.remove_members,
        )

    def _consent(self, confirm: str) -> None:
        """A protected profile's name, typed or given, before verify works on its servers."""
        from eosctl.cli.console import ask
        from eosctl.cli.person import TerminalPerson
        from eosctl.core.errors import Refused
        from eosctl.core.plan import Plan
        from eosctl.runtime.confirmation import Situation, questions

        situation = Situation(
            interactive=TerminalPerson().interactive(),
            yes=True,
            profile=self.settings.profile_name,
            protected=self.settings.protected,
            confirm=confirm,
        )
        plan = Plan(operation="verify", summary="Crash tests in topics and a schema of their own", steps=())
        for question in questions(plan, situation):
            if not ask(question):
                raise Refused("declined", "The crash test was not confirmed.", why="Nothing was changed.")

    @cached_property
    def bench(self) -> BenchGateway:
        """Measurements on the connection that was named."""
        from eosctl.adapters.connection import DatabaseConnection
        from eosctl.proof.bench.gateway import LocalBench

        database = DatabaseConnection(self._dsn)
        return LocalBench(
            self.connection.librdkafka(),
            database.libpq(),
            self.connect,
            has_database=database.is_named(),
            progress=self.progress,
            stop=self.stop,
        )

    @cached_property
    def record(self) -> Journal:
        """The journal that `execute` writes."""
        from eosctl.runtime.journal import Journal

        return Journal()

    @property
    def commands(self) -> CommandsGateway:
        """eosctl's own command line."""
        from eosctl.cli.commands import OwnCommands

        return OwnCommands()

    @property
    def documents(self) -> DocumentsGateway:
        """Reports and charts as files."""
        from eosctl.render.documents import DocumentFiles

        return DocumentFiles()

    @property
    def interview(self) -> InterviewGateway:
        """Questions on the terminal."""
        from eosctl.cli.interview import TerminalInterview

        return TerminalInterview()

    @property
    def journal(self) -> JournalGateway:
        """The journal that operations read."""
        from eosctl.runtime.record import JournalRecord

        return JournalRecord(self.record, self)

    @property
    def playbooks(self) -> PlaybooksGateway:
        """Playbooks, with hands of their own."""
        from eosctl.cli.playbooks import library

        return library(self)

    @property
    def profiles(self) -> ProfilesGateway:
        """The configuration file."""
        from eosctl.cli.profiles import ProfileStore

        return ProfileStore()


def make_gateways(settings: Settings, *, progress: Progress, stop: Stop) -> Any:
    """The gateways for one command."""
    return CliGateways(settings, progress=progress, stop=stop)
