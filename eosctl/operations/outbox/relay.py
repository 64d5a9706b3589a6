"""`outbox relay`: publishes pending events to Kafka, in order within each aggregate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eosctl.core.counts import counted
from eosctl.core.errors import Notice, UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Change, Example, Receipt
from eosctl.core.params import DurationMs, param
from eosctl.core.plan import Plan
from eosctl.core.report import Report
from eosctl.domain.outbox import has_poll_index, require_marking
from eosctl.domain.outbox_events import ValueForm, check_topic_template
from eosctl.domain.outbox_relay import LANES, RelayWish
from eosctl.domain.steps.outbox import RelayOutbox
from eosctl.operations.outbox_table import OutboxParams, OutboxTable, found_table, rows
from eosctl.ports import Gateways


class OutboxRelayParams(OutboxParams):
    """How to relay."""

    topic: str | None = param(
        None, help="Template of the topic's name, lower-cased [default: the mapping's, {aggregate_type}-events]"
    )
    value: ValueForm = param(ValueForm.PAYLOAD, help="The payload alone, or a JSON envelope around it")
    batch: int = param(2_000, help="Events of one batch", ge=1, le=50_000)
    poll: DurationMs = param(100, help="How often to look when nothing wakes it", ge=10)
    rate: int = param(0, help="At most so many events a second; 0: no limit", ge=0)
    once: bool = param(False, help="Publish one batch, then end")
    drain: bool = param(False, help="End when nothing is pending that may go out")


@dataclass(frozen=True)
class RelayResult:
    """What was done; `lanes` is the most of the 64 lanes that this relay held."""

    published: int
    failures: int
    batches: int
    interruptions: int
    lanes: int
    stopped: bool


@dataclass(frozen=True)
class RelaySnapshot:
    """The table and what is pending."""

    table: OutboxTable
    pending: Mapping[str, Any]


def observe(gateways: Gateways, params: OutboxRelayParams) -> RelaySnapshot:
    """Counts by the poll index."""
    if params.once and params.drain:
        raise UsageError("bad_parameter", "--once and --drain exclude each other.")
    table = found_table(gateways, params.table)
    require_marking(table.mapping)
    pending = rows(gateways, "outbox_pending", table.mapping, max_retries=table.mapping.max_retries)[0]
    return RelaySnapshot(table, pending)


def plan(snapshot: RelaySnapshot, params: OutboxRelayParams) -> Plan:
    """One step that goes on until it is told to stop."""
    mapping = snapshot.table.mapping
    wish = RelayWish(
        topic_template=check_topic_template(params.topic or mapping.topic),
        form=params.value,
        batch_size=params.batch,
        poll_ms=params.poll,
        rate_per_s=params.rate,
        once=params.once,
        drain=params.drain,
    )
    warnings = []
    if not has_poll_index(snapshot.table.catalogue, mapping):
        warnings.append(
            Notice(
                "no_poll_index",
                "No partial index finds pending rows: each look reads the whole table.",
                "Make it with `eosctl outbox init`.",
            )
        )
    failed = snapshot.pending["failed"]
    if failed:
        warnings.append(
            Notice(
                "events_failed",
                f"{counted(failed, 'event has', 'events have')} used up all retries: "
                "the later ones of the same aggregates are held back.",
                "See `eosctl outbox list --failed`.",
            )
        )
    step = RelayOutbox(mapping=mapping, wish=wish, pending=snapshot.pending["pending"])
    return Plan(operation="outbox.relay", summary=step.describe(), steps=(step,), warnings=tuple(warnings))


def outcome(plan: Plan, receipts: Sequence[Receipt]) -> Report:
    """The tally; exit 3 when tries failed, 130 when a drain was stopped before its end."""
    after = receipts[0].after if receipts[0].status == "done" else {}
    step = plan.steps[0]
    assert isinstance(step, RelayOutbox)
    result = RelayResult(**{name: after.get(name, 0) for name in RelayResult.__dataclass_fields__})
    code, warnings = ExitCode.DONE, []
    if result.failures:
        code = ExitCode.PROBLEM
        warnings.append(
            Notice(
                "tries_failed",
                f"{counted(result.failures, 'try', 'tries')} failed; the events are kept.",
                "See `eosctl outbox list --pending`.",
            )
        )
    elsewhere = LANES - result.lanes
    if receipts[0].status == "done" and elsewhere and (step.wish.drain or step.wish.once):
        warnings.append(
            Notice(
                "lanes_elsewhere",
                f"Other relays hold {elsewhere} of {LANES} lanes; the events of their aggregates were left to them.",
                "See what is pending with `eosctl outbox status`.",
            )
        )
    if result.stopped and (step.wish.drain or step.wish.once):
        code = ExitCode.INTERRUPTED
    words = f"Published {counted(result.published, 'event')}."
    return Report(result, RelayResult, exit_code=code, warnings=tuple(warnings), summary=words)


OPERATION = Change(
    name="outbox.relay",
    summary="Publish pending events, in order within each aggregate",
    params=OutboxRelayParams,
    result=RelayResult,
    needs=("kafka", "database"),
    listing=False,
    observe=observe,
    plan=plan,
    outcome=outcome,
    details="Runs until SIGTERM or Ctrl-C, which finish the batch; --drain and --once end by themselves. Each record "
    "has the key aggregate_id and the headers event-type, aggregate-type and idempotency-key (the row's id). Rows are "
    "marked when Kafka has answered for them; a crash between the two publishes them again under the same "
    "idempotency-key. A failed event holds back the later ones of its aggregate. Several relays share the aggregates "
    "by 64 advisory locks.",
    examples=(
        Example("eosctl outbox relay --yes", "As a service."),
        Example("eosctl outbox relay --drain --yes", "Publish what is pending, then end."),
    ),
)
