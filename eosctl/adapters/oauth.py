"""OAUTHBEARER for kafka-python by OIDC client credentials; librdkafka has its own (`sasl.oauthbearer.method=oidc`)."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from eosctl.core.errors import Unreachable, UsageError

_LIMIT_S = 10
_URL = "sasl.oauthbearer.token.endpoint.url"


def token_provider(p: Mapping[str, str]) -> Any:
    """A kafka-python token provider for checked `sasl.oauthbearer.*` properties; asks when a token is first wanted."""
    from kafka.net.sasl.oauth import AbstractTokenProvider

    if not p[_URL].startswith(("https://", "http://")):
        raise UsageError("bad_property", f"{_URL} is not a URL.", hint="It begins with https://.")

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

        def extensions(self) -> dict[str, str]:
            """SASL extensions (KIP-342) as `sasl.oauthbearer.extensions` gives them: `name=value,name=value`."""
            pairs = (one.partition("=") for one in p.get("sasl.oauthbearer.extensions", "").split(",") if one.strip())
            return {name.strip(): value.strip() for name, _, value in pairs}

    return ClientCredentials()


def _ask(p: Mapping[str, str]) -> Mapping[str, Any]:
    url = p[_URL]
    form = {
        "grant_type": "client_credentials",
        "client_id": p["sasl.oauthbearer.client.id"],
        "client_secret": p["sasl.oauthbearer.client.secret"],
    }
    if p.get("sasl.oauthbearer.scope"):
        form["scope"] = p["sasl.oauthbearer.scope"]
    try:
        with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=_LIMIT_S) as answer:
            data: Mapping[str, Any] = json.load(answer)
    except (urllib.error.URLError, ValueError, TimeoutError) as error:
        raise _refused(f"The token endpoint {url} gave no token.", f"{error}.") from None
    if "access_token" not in data:
        raise _refused(f"The token endpoint {url} gave no token.", "Its answer has no access_token.")
    return data


def _refused(what: str, why: str) -> Unreachable:
    return Unreachable("kafka_sasl_refused", what, why=why, hint="Check the URL, the client id and the client secret.")
