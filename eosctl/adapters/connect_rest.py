"""Kafka Connect by HTTP: every answer is limited in time and size, and must be Connect's own JSON."""

import base64
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from eosctl.adapters.connection import resolve_references
from eosctl.core.errors import EosctlError, OperationFailed, Unreachable, UsageError, did_you_mean
from eosctl.core.redaction import redact_text
from eosctl.domain.connect import ConnectorStatus, TaskStatus, short_trace

_LARGEST_BYTES = 8 * 1024 * 1024
_KEYS = ("url", "user", "password")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HINT = "Check connect.url of the profile, or EOSCTL_CONNECT_URL."


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the password to another host."""

    def redirect_request(self, *args: Any) -> None:
        return None


class ConnectRest:
    """The ConnectGateway. `section` is the profile's `connect`: url, user, password, each may be a reference."""

    def __init__(self, section: Mapping[str, Any], *, timeout_ms: int) -> None:
        self._section = section
        self._timeout_ms = timeout_ms

    @property
    def url(self) -> str:
        """The base address, checked."""
        unknown = [key for key in self._section if key not in _KEYS]
        if unknown:
            raise UsageError("bad_connect", f"connect.{unknown[0]} is not a setting.",
                             hint=did_you_mean(unknown[0], _KEYS) or f"There are {', '.join(_KEYS)}.")  # fmt: skip
        if not self._section.get("url"):
            raise UsageError(
                "no_connect",
                "No Kafka Connect was named.",
                why="The profile has no connect.url.",
                hint="Write connect: {url: http://HOST:8083} into it, or set EOSCTL_CONNECT_URL.",
            )
        url = resolve_references(str(self._section["url"])).rstrip("/")
        try:
            parts = urlsplit(url)
            fits = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
        except ValueError:
            fits = False
        if not fits:
            raise UsageError(
                "bad_connect", f"{redact_text(url)!r} is not a URL.", hint="For example http://connect:8083."
            )
        if parts.username or parts.password:
            raise UsageError("bad_connect", "connect.url holds a user.", why="Addresses are shown and logged.",
                             hint="Give connect.user and connect.password: ${env:NAME}.")  # fmt: skip
        return url

    def connectors(self) -> tuple[str, ...]:
        """Names of all connectors."""
        return tuple(self._ask("/connectors", list))

    def config(self, name: str) -> Mapping[str, str]:
        """A connector's configuration."""
        return {str(key): str(value) for key, value in self._of(name, "/config").items()}

    def status(self, name: str) -> ConnectorStatus:
        """The states of the connector and its tasks."""
        answer = self._of(name, "/status")
        try:
            parts = [_part(-1, answer["connector"]), *(_part(int(one["id"]), one) for one in answer["tasks"])]
        except (KeyError, TypeError, ValueError):
            raise self._not_connect("The status has another shape than Connect's.") from None
        return ConnectorStatus(name, tuple(parts))

    def has_begun(self, name: str) -> bool | None:
        """Whether it has stored an offset; None before Kafka 3.6, which has no such question."""
        try:
            return bool(self._of(name, "/offsets").get("offsets"))
        except EosctlError as error:
            if error.code in ("unknown_connector", "connect_error"):
                return None
            raise

    def make(self, name: str, config: Mapping[str, str]) -> None:
        """Makes it."""
        self._ask(f"/connectors/{quote(name, safe='')}/config", dict, method="PUT", body=dict(config))

    def remove(self, name: str) -> None:
        """Deletes it."""
        self._of(name, "", method="DELETE")

    def restart_failed(self, name: str) -> None:
        """Restarts what has failed."""
        self._of(name, "/restart?includeTasks=true&onlyFailed=true", method="POST")

    def _of(self, name: str, rest: str, *, method: str = "GET") -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._ask(f"/connectors/{quote(name, safe='')}{rest}", dict, method=method)
        except UsageError as error:
            if error.code != "not_found":
                raise
            known = self.connectors()
            hint = did_you_mean(name, known) or f"There are: {', '.join(known) or 'none'}."
            raise UsageError("unknown_connector", f"There is no connector {name!r}.", hint=hint) from None
        return found

    def _ask(self, path: str, kind: type, *, method: str = "GET", body: Mapping[str, str] | None = None) -> Any:
        url = self.url
        request = urllib.request.Request(url + path, method=method, headers=self._headers())
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        handlers: list[Any] = [_NoRedirect()]
        if urlsplit(url).hostname in _LOOPBACK:
            handlers.append(urllib.request.ProxyHandler({}))
        try:
            with urllib.request.build_opener(*handlers).open(request, timeout=self._timeout_ms / 1_000) as answer:
                text = self._read(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._away(error) from None
        if not text and method in ("POST", "DELETE"):
            return {}
        try:
            value = json.loads(text)
        except ValueError:
            raise self._not_connect("It is not JSON" + _looks(text)) from None
        if not isinstance(value, kind):
            raise self._not_connect("Its JSON is not Connect's.")
        return value

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        user = resolve_references(str(self._section.get("user") or ""))
        if user:
            password = resolve_references(str(self._section.get("password") or ""))
            headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        return headers

    def _read(self, answer: Any) -> bytes:
        """The body; the time limit holds for all of it, so a server that drips is noticed."""
        until = time.monotonic() + self._timeout_ms / 1_000
        body = b""
        while chunk := answer.read1(65_536):
            body += chunk
            if time.monotonic() > until:
                raise TimeoutError("the answer did not end in time")
            if len(body) > _LARGEST_BYTES:
                raise self._not_connect(f"It is larger than {_LARGEST_BYTES} bytes.")
        return body

    def _refusal(self, error: urllib.error.HTTPError) -> EosctlError:
        reason = self._reason(error)
        if error.code in (401, 403):
            return OperationFailed(
                "connect_unauthorized",
                f"Kafka Connect refused the user ({error.code}).",
                why=reason,
                hint="Set connect.user and connect.password: ${env:NAME} in the profile.",
            )
        if 300 <= error.code < 400:
            return self._not_connect(f"It redirects ({error.code}), and a redirect is not followed.")
        if error.code == 404:
            return UsageError("not_found", "Kafka Connect does not know that.", why=reason, hint=_HINT)
        if error.code == 409:
            return OperationFailed("connect_rebalancing", "Kafka Connect rebalances.", why=reason,
                                   hint="Try again in a moment.")  # fmt: skip
        return OperationFailed("connect_error", f"Kafka Connect answered {error.code}.", why=reason,
                               hint="See the worker's log.")  # fmt: skip

    def _reason(self, error: urllib.error.HTTPError) -> str:
        try:
            return redact_text(str(json.loads(self._read(error))["message"]))[:400]
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
            return f"It says {error.reason}." if error.reason else ""

    def _away(self, error: Exception) -> Unreachable:
        cause = getattr(error, "reason", error)
        if isinstance(cause, TimeoutError):
            return Unreachable("connect_timeout", f"Kafka Connect at {self.url} did not answer within "
                               f"{self._timeout_ms / 1_000:g} s.", hint="Is the worker starting or overloaded? "
                               "Give a longer --timeout.")  # fmt: skip
        return Unreachable("connect_unreachable", f"Kafka Connect at {self.url} can't be reached.",
                           why=f"{redact_text(str(cause))}.", hint=_HINT)  # fmt: skip

    def _not_connect(self, why: str) -> OperationFailed:
        return OperationFailed("not_connect", f"What answers at {self.url} is not Kafka Connect.", why=why, hint=_HINT)


def _looks(body: bytes) -> str:
    return " but HTML: a proxy's or login page." if body.lstrip()[:1] == b"<" else "."


def _part(part: int, data: Mapping[str, Any]) -> TaskStatus:
    return TaskStatus(
        part, str(data["state"]), str(data.get("worker_id", "")), short_trace(str(data.get("trace") or ""))
    )
