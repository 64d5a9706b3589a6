"""How to reach Kafka and PostgreSQL: one set of librdkafka or Java properties, said to both Kafka clients.

What one of the two clients can't do is refused for both, whatever the command, with a sentence that says so.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eosctl.adapters.property_names import IGNORED, KNOWN, PASSED
from eosctl.core.errors import UsageError, did_you_mean

_REFERENCE = re.compile(r"\$\{(env|file):([^}]+)\}")
_JAAS_FIELD = re.compile(r"([\w.]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|([^\s;]+))")
_JAAS_NAMES = {
    "username": "sasl.username",
    "password": "sasl.password",
    "clientId": "sasl.oauthbearer.client.id",
    "clientSecret": "sasl.oauthbearer.client.secret",
    "scope": "sasl.oauthbearer.scope",
}
_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
_ONLY_LIBRDKAFKA = re.compile(
    r"ssl\.(engine\..*|providers|ca\.certificate\.stores|curves\.list|sigalgs\.list)"
    r"|sasl\.oauthbearer\.(assertion\..*|config|metadata\.authentication\.type)"
)
_ALIASES = {
    "metadata.broker.list": "bootstrap.servers",
    "sasl.mechanisms": "sasl.mechanism",
    "ssl.keystore.key": "ssl.key.pem",
    "ssl.keystore.certificate.chain": "ssl.certificate.pem",
    "ssl.truststore.certificates": "ssl.ca.pem",
    "sasl.oauthbearer.client.credentials.client.id": "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.credentials.client.secret": "sasl.oauthbearer.client.secret",
}


def resolve_references(value: str) -> str:
    """`value` with `${env:NAME}` and `${file:PATH}` filled in; raises UsageError that names what is missing."""

    def fill(found: re.Match[str]) -> str:
        kind, name = found.groups()
        if kind == "env":
            if name not in os.environ:
                raise UsageError("missing_reference", f"The environment has no variable {name}.",
                                 why=f"A setting says ${{env:{name}}}.", hint=f"Set {name}.")  # fmt: skip
            return os.environ[name]
        try:
            return Path(name).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise UsageError("missing_reference", f"{name} can't be read: {reason}.",
                             why=f"A setting says ${{file:{name}}}.",
                             hint="Check the path and who may read it.") from None  # fmt: skip

    return _REFERENCE.sub(fill, value)


def properties_file(path: Path) -> Mapping[str, str]:
    """The keys and values of a Java or librdkafka `.properties` file. Raises UsageError that names the file.

    Syntax: java.util.Properties (`=`, `:` or white space after the key, `\\` continues a line, `#` and `!` comment).
    """
    import javaproperties

    try:
        return dict(javaproperties.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError("kafka_config_not_read", f"{path} can't be read: {error.strerror}.",
                         hint="Check the path and who may read it.") from None  # fmt: skip
    except ValueError as error:
        raise UsageError("bad_kafka_config", f"{path} is not a .properties file: {error}.",
                         hint="Each line is key=value.") from None  # fmt: skip


@dataclass(frozen=True)
class DatabaseConnection:
    """A libpq URI or keyword string; "" leaves everything to libpq's own PG* variables."""

    dsn: str = field(default="", repr=False)

    def is_named(self) -> bool:
        """Whether a database was named, by whatever way."""
        return bool(self.dsn) or any(name.startswith("PG") for name in os.environ)

    def require_some(self) -> None:
        """Raises UsageError (`no_database`) when no database was named, not even by a PG* variable."""
        if not self.is_named():
            raise UsageError(
                "no_database",
                "No database was named.",
                why="There is no DSN, no profile with one, and no PG* variable.",
                hint="Give --dsn postgresql://USER@HOST:PORT/DATABASE or --profile NAME, or start one: eosctl lab up.",
            )

    def libpq(self) -> str:
        """The connection string, references resolved."""
        return resolve_references(self.dsn)


@dataclass(frozen=True)
class KafkaConnection:
    """Connection properties by librdkafka's names, checked and with references resolved: never print them."""

    properties: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "KafkaConnection":
        """From librdkafka's or Java's names. Raises UsageError for a property that nobody knows, that contradicts
        another, or that one of the two clients can't do."""
        _refuse_unknown(given)
        said = {key: resolve_references(_text(value)) for key, value in given.items() if key not in IGNORED}
        properties = _translated(said)
        _check(properties)
        return cls(properties)

    @property
    def servers(self) -> str:
        """The bootstrap servers as given, "" when nobody said."""
        return self.properties.get("bootstrap.servers", "")

    def require_servers(self) -> None:
        """Raises UsageError (`no_kafka`) when no Kafka was named."""
        if not self.servers.strip(" ,"):
            raise UsageError(
                "no_kafka",
                "No Kafka was named.",
                why="There is no profile and no bootstrap server.",
                hint="Give --bootstrap-server HOST:PORT or --profile NAME, or start one: eosctl lab up.",
            )

    def librdkafka(self) -> dict[str, Any]:
        """The configuration of a confluent-kafka client."""
        self.require_servers()
        return {"client.id": "eosctl", **self.properties}

    def kafka_python(self) -> dict[str, Any]:
        """The configuration of a kafka-python client. Raises UsageError for a certificate file that can't be used."""
        self.require_servers()
        p = self.properties
        protocol = p.get("security.protocol", "PLAINTEXT")
        config: dict[str, Any] = {
            "bootstrap_servers": [one.strip() for one in self.servers.split(",") if one.strip()],
            "client_id": p.get("client.id", "eosctl"),
            "security_protocol": protocol,
        }
        if protocol.endswith("SSL"):
            from eosctl.adapters.tls import ssl_context

            config["ssl_context"] = ssl_context(p)
        if protocol.startswith("SASL"):
            config |= _sasl(p)
        return config


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refuse_unknown(given: Mapping[str, Any]) -> None:
    for name in given:
        if name not in KNOWN:
            raise UsageError("unknown_property", f"There is no Kafka property {name!r}.",
                             why="Neither librdkafka nor Kafka's Java clients know it.",
                             hint=did_you_mean(name, KNOWN) or "See librdkafka's CONFIGURATION.md.")  # fmt: skip


def _translated(said: dict[str, str]) -> dict[str, str]:
    """Java's names and shapes in librdkafka's words."""
    p = {_ALIASES.get(key, key): value for key, value in said.items()}
    for store in ("ssl.keystore", "ssl.truststore"):
        _translate_store(store, said, p)
    if "sasl.jaas.config" in p:
        p = {**_from_jaas(p.pop("sasl.jaas.config")), **p}
    if "security.protocol" in p:
        p["security.protocol"] = p["security.protocol"].strip().upper()
    if "sasl.mechanism" in p:
        p["sasl.mechanism"] = p["sasl.mechanism"].strip().upper()
    if p.get("ssl.endpoint.identification.algorithm", "https") == "":
        p["ssl.endpoint.identification.algorithm"] = "none"
    if p.get("sasl.oauthbearer.token.endpoint.url"):
        p.setdefault("sasl.oauthbearer.method", "oidc")
    return {key: value for key, value in p.items() if key in PASSED}


def _translate_store(store: str, said: Mapping[str, str], p: dict[str, str]) -> None:
    location = p.pop(f"{store}.location", "")
    kind = said.get(f"{store}.type", "").upper()
    if not kind and location:
        kind = "PKCS12" if location.lower().endswith((".p12", ".pfx")) else kind
        kind = "JKS" if location.lower().endswith((".jks", ".keystore", ".truststore")) else kind
    if kind not in ("", "PEM"):
        raise UsageError(
            "unsupported_keystore",
            f"{store}.location is a {kind} store.",
            why="kafka-python, which asks about transactions here (KIP-664), reads PEM only.",
            hint="Export it as PEM and give ssl.ca.location, ssl.certificate.location, ssl.key.location.",
        )
    p.pop(f"{store}.password", None)
    if location and store == "ssl.truststore":
        p.setdefault("ssl.ca.location", location)
    elif location:
        p.setdefault("ssl.certificate.location", location)
        p.setdefault("ssl.key.location", location)


def _from_jaas(text: str) -> dict[str, str]:
    fields = {name: re.sub(r"\\(.)", r"\1", double) or single or bare
              for name, double, single, bare in _JAAS_FIELD.findall(text)}  # fmt: skip
    found = {_JAAS_NAMES[name]: value for name, value in fields.items() if name in _JAAS_NAMES}
    if not found:
        raise UsageError("bad_jaas", "sasl.jaas.config names no user.", why="It has no username= and no clientId=.",
                         hint="Give sasl.username and sasl.password instead.")  # fmt: skip
    return found


def _check(p: Mapping[str, str]) -> None:
    protocol = p.get("security.protocol", "PLAINTEXT")
    if protocol not in _PROTOCOLS:
        raise UsageError("bad_property", f"security.protocol {protocol!r} does not exist.",
                         why=f"It is one of {', '.join(_PROTOCOLS)}.", hint="Correct security.protocol.")  # fmt: skip
    for name, value in p.items():
        if value and _ONLY_LIBRDKAFKA.fullmatch(name):
            raise UsageError("unsupported_property", f"{name} is not served.",
                             why="librdkafka has it; kafka-python, which asks about transactions here, has not.",
                             hint="Leave it out.")  # fmt: skip
    if protocol.startswith("SASL"):
        _check_sasl(p)


def _check_sasl(p: Mapping[str, str]) -> None:
    mechanism = p.get("sasl.mechanism", "GSSAPI")
    if mechanism not in _MECHANISMS:
        raise UsageError(
            "unsupported_sasl",
            f"sasl.mechanism {mechanism} is not served.",
            why=f"Both clients here speak {', '.join(_MECHANISMS)}; GSSAPI is Kafka's default when none is given.",
            hint="Set sasl.mechanism to one of them, and use a listener that offers it.",
        )
    needed = ["sasl.username", "sasl.password"]
    if mechanism == "OAUTHBEARER":
        needed = [f"sasl.oauthbearer.{one}" for one in ("token.endpoint.url", "client.id", "client.secret")]
        grant = p.get("sasl.oauthbearer.grant.type", "client_credentials")
        if p.get("sasl.oauthbearer.method", "oidc") != "oidc" or grant != "client_credentials":
            raise UsageError("unsupported_sasl", "This kind of OAUTHBEARER is not served.",
                             why="Both clients here speak OIDC client credentials only.",
                             hint="Set sasl.oauthbearer.method=oidc and its client id and secret.")  # fmt: skip
    for key in needed:
        if not p.get(key):
            raise UsageError("incomplete_sasl", f"{key} is missing.", why=f"{mechanism} wants {' and '.join(needed)}.",
                             hint=f"Give -X {key}=..., or ${{env:NAME}} in the profile.")  # fmt: skip


def _sasl(p: Mapping[str, str]) -> dict[str, Any]:
    mechanism = p["sasl.mechanism"]
    if mechanism == "OAUTHBEARER":
        from eosctl.adapters.oauth import token_provider

        return {"sasl_mechanism": mechanism, "sasl_oauth_token_provider": token_provider(p)}
    return {
        "sasl_mechanism": mechanism,
        "sasl_plain_username": p["sasl.username"],
        "sasl_plain_password": p["sasl.password"],
    }
