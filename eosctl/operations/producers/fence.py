"""`producers fence`: takes a transactional id over, so that whoever held it can't write any more."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from eosctl.core.counts import counted
from eosctl.core.durations import format_duration_ms
from eosctl.core.errors import Notice, Refused, Unreachable, UsageError, did_you_mean
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import Params, Regex, param
from eosctl.core.plan import ExtraConfirmation, Plan, PlanMode
from eosctl.core.report import Gathered, Report
from eosctl.domain.kafka import ActiveProducer, TransactionDescription
from eosctl.domain.producers import wrote_since
from eosctl.domain.steps.producers import FenceProducer
from eosctl.domain.transactions import OPEN_STATES, TWO_PHASE_TIMEOUT_MS, is_two_phase
from eosctl.operations.scanning import partitions_of
from eosctl.ports import Gateways

_LIVE_MS = 60_000
_NEW_TIMEOUT_MS = 60_000


class ProducersFenceParams(Params):
    """Whom to fence."""

    id: tuple[str, ...] = param((), help="Transactional ids", positional=True, complete="transactional_id")
    id_regex: Regex | None = param(None, help="Every known transactional id that matches (^ and $ anchor)")
    allow_new: bool = param(False, help="Fence an id that no coordinator knows: that creates it")
    allow_live: bool = param(False, help="Fence a producer that wrote within the last minute without being asked")


@dataclass(frozen=True)
class FenceRow:
    """What became of one id."""

    transactional_id: str
    status: str
    epoch_before: int | None
    epoch_after: int | None
    state: str
    ended_on: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class FenceSeen:
    """The ids that were asked for or matched, the producers on their partitions, and every known id."""

    wanted: tuple[str, ...]
    descriptions: tuple[TransactionDescription, ...]
    producers: tuple[ActiveProducer, ...]
    known: tuple[str, ...]
    failures: tuple[Notice, ...]
    now_ms: int


def observe(gateways: Gateways, params: ProducersFenceParams) -> FenceSeen:
    """Describes the ids and looks where they wrote last, on every partition: between two transactions nobody names it.

    Raises UsageError when nobody was named.
    """
    if bool(params.id) == (params.id_regex is not None):
        raise UsageError(
            "whom", "Name transactional ids, or give --id-regex; one of the two.", hint="See `eosctl txn list`."
        )
    transactions = gateways.transactions
    listed = transactions.list_transactions(id_pattern=params.id_regex)
    known = tuple(sorted(one.transactional_id for one in listed.items))
    wanted = tuple(dict.fromkeys(params.id)) if params.id else tuple(one for one in known if _matches(params, one))
    described = transactions.describe_transactions(wanted)
    mine = {one.producer_id for one in described.items}
    looked = transactions.describe_producers(partitions_of(gateways, ())) if mine else Gathered[ActiveProducer](())
    producers = tuple(one for one in looked.items if one.producer_id in mine)
    failures = (*listed.failures, *described.failures, *looked.failures)
    return FenceSeen(wanted, described.items, producers, known, failures, gateways.clock.now_ms())


def plan(seen: FenceSeen, params: ProducersFenceParams) -> Plan:
    """A step for each id, done side by side. Refuses unknown ids and prepared two-phase transactions."""
    by_id = {one.transactional_id: one for one in seen.descriptions}
    unknown = [one for one in seen.wanted if one not in by_id]
    if unknown and seen.failures:
        raise Unreachable("not_seen", f"Not every coordinator answered, so {unknown[0]!r} may or may not exist.",
                          why=seen.failures[0].message, hint="Try again when every broker is up.")  # fmt: skip
    if unknown and not params.allow_new:
        raise Refused("unknown_transactional_id", f"No coordinator knows {', '.join(map(repr, unknown))}.",
                      why="Fencing would create it.",
                      hint=did_you_mean(unknown[0], seen.known) or "Give --allow-new when it is meant.")  # fmt: skip
    for one in seen.descriptions:
        _refuse_two_phase(one)
    steps = tuple(_step(name, by_id.get(name), seen) for name in seen.wanted)
    live = [] if params.allow_live else [one for one in seen.descriptions if _live(one, seen)]
    return Plan(
        operation=OPERATION.name,
        summary=f"Fence {counted(len(steps), 'transactional id')}" if steps else "No id matches",
        steps=steps,
        observed={"ids": [_observed(one, seen) for one in seen.descriptions]},
        warnings=(*seen.failures, *(_live_notice(one, seen) for one in live)),
        extra_confirmations=(_live_question(live),) if live else (),
        mode=PlanMode.INDEPENDENT,
    )


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """A row an id."""
    rows = tuple(_row(one) for one in receipts if isinstance(one.step, FenceProducer))
    return Report(rows, FenceRow, summary="A fenced producer's next call fails; started anew it gets a new epoch.")


def _matches(params: ProducersFenceParams, transactional_id: str) -> bool:
    return params.id_regex is not None and re.search(params.id_regex, transactional_id) is not None


def _refuse_two_phase(one: TransactionDescription) -> None:
    if is_two_phase(one):
        raise Refused("two_phase_commit", f"{one.transactional_id!r} takes part in two-phase commit (KIP-939).",
                      why="Fencing would abort what an external coordinator may have decided to commit.",
                      hint="Let that coordinator finish, or use its own tool.")  # fmt: skip


def _step(name: str, one: TransactionDescription | None, seen: FenceSeen) -> FenceProducer:
    if one is None:
        return FenceProducer(transactional_id=name, expects_producer_id=-1, expects_producer_epoch=-1, state="unknown",
                             timeout_ms=_NEW_TIMEOUT_MS)  # fmt: skip
    return FenceProducer(
        transactional_id=name,
        expects_producer_id=one.producer_id,
        expects_producer_epoch=one.producer_epoch,
        state=one.state.value,
        timeout_ms=_timeout_ms(one),
        open_partitions=tuple(str(partition) for partition in one.partitions) if one.state in OPEN_STATES else (),
        live=_live(one, seen) is not None,
        seen_at_ms=seen.now_ms,
    )


def _timeout_ms(one: TransactionDescription) -> int:
    """The id's own time-out; that of two-phase commit is refused by brokers from a client that does not take part."""
    return _NEW_TIMEOUT_MS if one.timeout_ms >= TWO_PHASE_TIMEOUT_MS else max(one.timeout_ms, 1_000)


def _live(one: TransactionDescription, seen: FenceSeen) -> ActiveProducer | None:
    return wrote_since(seen.producers, one.producer_id, seen.now_ms - _LIVE_MS)


def _live_notice(one: TransactionDescription, seen: FenceSeen) -> Notice:
    write = _live(one, seen)
    ago = format_duration_ms(max(0, seen.now_ms - write.last_write_ms)) if write else "?"
    where = write.partition if write else "?"
    return Notice("live_producer", f"{one.transactional_id} wrote to {where} {ago} ago: it is alive.",
                  "If it is the rightful instance it will stop with a fatal error and must be restarted.")  # fmt: skip


def _live_question(live: list[TransactionDescription]) -> ExtraConfirmation:
    names = ", ".join(one.transactional_id for one in live[:5])
    more = f" and {len(live) - 5} more" if len(live) > 5 else ""
    return ExtraConfirmation(f"{names}{more} wrote within the last minute. Fence all the same?", "--allow-live")


def _observed(one: TransactionDescription, seen: FenceSeen) -> dict[str, object]:
    return {"transactional_id": one.transactional_id, "producer_id": one.producer_id, "epoch": one.producer_epoch,
            "state": one.state.value, "partitions": [str(partition) for partition in one.partitions],
            "live": _live(one, seen) is not None}  # fmt: skip


def _row(receipt: Receipt) -> FenceRow:
    step = receipt.step
    assert isinstance(step, FenceProducer)
    before, after = receipt.before, receipt.after
    return FenceRow(
        transactional_id=step.transactional_id,
        status=receipt.status,
        epoch_before=before.get(
            "producer_epoch", step.expects_producer_epoch if step.expects_producer_epoch >= 0 else None
        ),
        epoch_after=after.get("producer_epoch"),
        state=str(after.get("state", "")),
        ended_on=step.open_partitions if receipt.status == "done" else (),
        message=receipt.message,
    )


OPERATION = Change(
    name="producers.fence",
    summary="Fence producers by their transactional ids",
    params=ProducersFenceParams,
    result=FenceRow,
    needs=("kafka",),
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="Bumps the epoch by InitProducerId with the time-out that the id had, which aborts what is open. It can't "
    "clear a hanging transaction (no coordinator knows that one): see txn abort.",
    examples=(
        Example("eosctl producers fence payments-writer-1", "Stop one producer."),
        Example("eosctl producers fence --id-regex '^batch-' --dry-run", "Whom a pattern would stop."),
    ),
)
