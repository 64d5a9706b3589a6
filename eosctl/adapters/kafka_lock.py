"""A lock that is a Kafka group: its leader holds it. The group has a protocol of its own and subscribes to nothing.

The coordinator keeps one leader as long as that member heartbeats, and gives a newcomer its place only when it left
or was silent for the session. So at most one member believes to lead, but for one that was paused longer than that
and has not asked since: `check` asks.
"""

import threading
from typing import Any

from eosctl.adapters.kafka_python import KafkaPythonAdmin, is_moving
from eosctl.core.errors import EosctlError, Refused, Unreachable, WorldChanged

SESSION_MS = 30_000
_HEARTBEAT_S = 2.0
_PROTOCOL = "eosctl-lock"
_LOST = frozenset({22, 25, 82})  # ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID
_REBALANCES, _MEMBER_ID_REQUIRED = 27, 79


class KafkaLocks:
    """The LocksGateway. The connection belongs to the lock from then on: a thread heartbeats on it."""

    def __init__(self, admin: KafkaPythonAdmin, *, session_ms: int = SESSION_MS) -> None:
        self._admin = admin
        self._session_ms = session_ms

    def take(self, group: str, holder: str) -> "GroupLock":
        """Looks first, so that a holder is not disturbed; then joins, and leaves again unless it leads."""
        one = GroupLock(self._admin, group, holder, self._session_ms)
        others = one.members()
        if others:
            raise _held(group, others)
        try:
            one.join()
        except EosctlError:
            one.release()
            raise
        if not one.leads:
            others = [name for name in one.members() if name != holder]
            one.release()
            raise _held(group, others)
        one.keep()
        return one


class GroupLock:
    """A membership; `leads` says that it is the lock."""

    def __init__(self, admin: KafkaPythonAdmin, group: str, holder: str, session_ms: int) -> None:
        self._admin, self._group, self._holder, self._session_ms = admin, group, holder, session_ms
        self._member, self._generation = "", -1
        self._mutex = threading.Lock()
        self._over = threading.Event()
        self._lost = ""
        self.leads = False

    def members(self) -> list[str]:
        """Who is in the group, as they named themselves; the client's address where that can't be read."""
        from kafka.protocol.admin import DescribeGroupsRequest

        answer = self._ask(DescribeGroupsRequest(groups=[self._group], include_authorized_operations=False))
        return [bytes(one.member_metadata or b"").decode(errors="replace") or f"{one.client_id} at {one.client_host}"
                for one in answer.groups[0].members]  # fmt: skip

    def join(self) -> None:
        """Joins, or joins again after another came or went, and takes the lead that the coordinator gives."""
        from kafka.protocol.consumer import JoinGroupRequest, SyncGroupRequest

        mine = JoinGroupRequest.JoinGroupRequestProtocol(name=_PROTOCOL, metadata=self._holder.encode())
        answer = None
        while answer is None or answer.error_code == _MEMBER_ID_REQUIRED:
            answer = self._ask(JoinGroupRequest(
                group_id=self._group, session_timeout_ms=self._session_ms, rebalance_timeout_ms=self._session_ms,
                member_id=self._member, group_instance_id=None, protocol_type=_PROTOCOL, protocols=[mine],
                max_version=7,
            ))  # fmt: skip
            self._member = str(answer.member_id or self._member)
        if answer.error_code:
            raise self._admin.failure_of(answer.error_code, "JoinGroup", f"Group {self._group!r}")
        self._generation = int(answer.generation_id)
        self.leads = bool(answer.leader == self._member)
        if not self.leads:
            return
        places = [SyncGroupRequest.SyncGroupRequestAssignment(member_id=one.member_id, assignment=b"")
                  for one in answer.members]  # fmt: skip
        synced = self._ask(SyncGroupRequest(
            group_id=self._group, generation_id=self._generation, member_id=self._member, group_instance_id=None,
            protocol_type=_PROTOCOL, protocol_name=_PROTOCOL, assignments=places, max_version=5,
        ))  # fmt: skip
        if synced.error_code not in (0, _REBALANCES):
            raise self._admin.failure_of(synced.error_code, "SyncGroup", f"Group {self._group!r}")

    def keep(self) -> None:
        """Heartbeats on a thread until it is released or lost."""
        threading.Thread(target=self._beats, name="eosctl-lock", daemon=True).start()

    def check(self) -> None:
        """Asks the coordinator now."""
        self._beat()
        if self._lost:
            raise WorldChanged("lock_lost", f"The lock {self._group!r} is lost.", why=self._lost,
                               hint="Look who runs it now; then go on with `eosctl playbook resume`.")  # fmt: skip

    def release(self) -> None:
        """Leaves the group, and deletes it when that is allowed: nothing is kept of it."""
        from kafka.protocol.admin import DeleteGroupsRequest
        from kafka.protocol.consumer import LeaveGroupRequest

        self._over.set()
        if not self._member:
            return
        leaving = LeaveGroupRequest.MemberIdentity(member_id=self._member, group_instance_id=None, reason="released")
        with self._mutex:
            try:
                self._ask(LeaveGroupRequest(group_id=self._group, member_id=self._member, members=[leaving]))
                if self.leads:
                    self._ask(DeleteGroupsRequest(groups_names=[self._group]))
            except EosctlError:
                return  # it ends with its session

    def _beats(self) -> None:
        while not self._over.wait(_HEARTBEAT_S) and not self._lost:
            try:
                self._beat()
            except EosctlError:
                continue  # the next one, or `check`, says more; silence for a session loses the lock

    def _beat(self) -> None:
        from kafka.protocol.consumer import HeartbeatRequest

        with self._mutex:
            if self._lost or self._over.is_set():
                return
            answer = self._ask(HeartbeatRequest(group_id=self._group, generation_id=self._generation,
                                                member_id=self._member, group_instance_id=None))  # fmt: skip
            if answer.error_code == _REBALANCES:
                self.join()
                self._lost = "" if self.leads else "Another member leads the group now."
            elif answer.error_code in _LOST:
                self._lost = f"Nothing was heard of this run for {self._session_ms // 1_000} s, so it was given up."
            elif answer.error_code:
                raise self._admin.failure_of(answer.error_code, "Heartbeat", f"Group {self._group!r}")

    def _ask(self, request: Any) -> Any:
        """The coordinator's answer; asked again while it moves. Raises Unreachable."""
        found: list[Any] = []

        def attempt(names: list[str], last: bool) -> list[str]:
            nodes, errors = self._admin.coordinators("group", names)
            answer = self._admin.send([(nodes[self._group], request)])[0] if nodes else None
            code = next(iter(errors.values()), 0) if answer is None else _code(answer)
            if is_moving(answer) or is_moving(code):
                self._admin.forget("group", names)
                if not last:
                    return names
            if isinstance(answer, BaseException):
                raise self._admin.failure(answer, type(request).__name__, f"Group {self._group!r}")
            if answer is None:
                raise Unreachable("no_coordinator", f"Group {self._group!r} has no coordinator now.",
                                  hint="Try again when the brokers are well.")  # fmt: skip
            found.append(answer)
            return []

        self._admin.until_settled([self._group], attempt)
        return found[-1]


def _code(answer: Any) -> int:
    inner = getattr(answer, "groups", None) or getattr(answer, "results", None) or [answer]
    return int(getattr(inner[0], "error_code", 0) or 0)


def _held(group: str, others: list[str]) -> Refused:
    return Refused("lock_held", f"The lock {group!r} is held by {', '.join(others) or 'another run'}.")
