"""The replay of dead letters: each batch is one transaction of records, ledger and offsets, so a crash loses nothing.

A batch that fails in any way is forgotten here and begun again from what is committed.
"""

from dataclasses import replace

from eosctl.core.errors import OperationFailed
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.steps.dlq import ReplayDeadLetters
from eosctl.operations.finding_origins import OriginFinder
from eosctl.operations.replay_rights import check_rights
from eosctl.ports import Gateways
from eosctl.ports.dead_letters import ReplaySession, SessionLost, SessionWish
from eosctl.runtime.replay_run import Pacer, ReplayOutcome, Run
from eosctl.runtime.replay_shared import SharedRun

_TRIES = 8
_PAUSE_MS = 500


def run_replay(gateways: Gateways, step: ReplayDeadLetters) -> ReplayOutcome:
    """Replays to the frozen ends, or to a stop. Raises OperationFailed (`replay_stuck`) after failures without end."""
    done = ReplayOutcome("")
    left, last = _TRIES, -1
    pace = Pacer(gateways)
    finder = OriginFinder(gateways, step.rules, Reader(step.dialects))
    try:
        while True:
            session, run = _begun(gateways, step, done, pace, finder)
            if step.finds_origins:
                run.find_origins(finder)
            try:
                run.work()
                return done
            except SessionLost as error:
                done.restarts += 1
                left = left - 1 if run.batches == 0 and last == 0 else _TRIES
                last = run.batches
                if not left:
                    raise OperationFailed(
                        "replay_stuck",
                        f"The replay can't commit: {error}.",
                        why="Nothing of the last batch was left behind.",
                        hint="Look at the brokers and the target's configuration, then run it again.",
                    ) from None
                gateways.clock.sleep_ms(_PAUSE_MS)
            finally:
                session.close()
    except OperationFailed as error:
        if error.code == "acl_missing":
            # librdkafka names no topic
            targets = {**step.rules.targets, **finder.found}
            check_rights(gateways, replace(step.rules, targets=targets), {}, shared=step.shared)
        raise
    finally:
        done.progress = pace.points
        gateways.progress.end()


def _begun(
    gateways: Gateways, step: ReplayDeadLetters, done: ReplayOutcome, pace: Pacer, finder: OriginFinder
) -> tuple[ReplaySession, Run]:
    wish = SessionWish(step.rules.job, step.rules.source, finder.smallest_bytes())
    if step.shared:
        shared = gateways.dead_letters.shared_session(wish, step.rules.ledger)
        return shared, SharedRun(gateways, step, shared, done, pace)
    session = gateways.dead_letters.session(wish)
    return session, Run(gateways, step, session, done, pace)
