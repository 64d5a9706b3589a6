"""OAUTHBEARER for kafka-python by OIDC client credentials; librdkafka has its own (`sasl.oauthbearer.method=oidc`)."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from eosctl.core.errors import Unreachable, UsageError

_LIMIT_SECONDS = 10


def token_provider(p: Mapping[str, str]) -> Any:
    """A kafka-python token provider for the `sasl.oauthbearer.*` properties. Raises UsageError for a missing one."""
    from kafka.net.sasl.oauth import AbstractTokenProvider

    needed = ("sasl.oauthbearer.token.endpoint.url", "sasl.oauthbearer.client.id", "sasl.oauthbearer.client.secret")
    for key in needed:
        if not p.get(key):
            raise UsageError("incomplete_oauth", f"{key} is missing.", why="OAUTHBEARER here means OIDC client credentials.")
    if not p[needed[0]].startswith(("https://", "http://")):
        raise UsageError("bad_oauth_url", f"{needed[0]} is not a URL.")

    class ClientCredentials(AbstractTokenProvider):  # type: ignore[misc]
        """Asks for a token, and again shortly before it runs out."""

        def __init__(self) -> None:
            super().__init__()
            self._token, self._until = "", 0.0

        def token(self) -> str:
            """The bearer token."""
            if time.monotonic() >= self._until:
                answer = _ask(p)
                self._token = str(answer["access_token"])
                self._until = time.monotonic() + 0.8 * float(answer.get("expires_in", 60))
            return self._token

    return ClientCredentials()


def _ask(p: Mapping[str, str]) -> Mapping[str, Any]:
    url = p["sasl.oauthbearer.token.endpoint.url"]
    form = {
        "grant_type": "client_credentials",
        "client_id": p["sasl.oauthbearer.client.id"],
        "client_secret": p["sasl.oauthbearer.client.secret"],
    }
    if p.get("sasl.oauthbearer.scope"):
        form["scope"] = p["sasl.oauthbearer.scope"]
    request = urllib.request.Request(url, urllib.parse.urlencode(form).encode())  # noqa: S310  scheme checked above
    try:
        with urllib.request.urlopen(request, timeout=_LIMIT_SECONDS) as answer:  # noqa: S310
            data: Mapping[str, Any] = json.load(answer)
    except (urllib.error.URLError, ValueError, TimeoutError) as error:
        raise Unreachable("oauth_refused", f"The token endpoint {url} gave no token: {error}.") from None
    if "access_token" not in data:
        raise Unreachable("oauth_refused", f"The token endpoint {url} gave no access_token.")
    return data
