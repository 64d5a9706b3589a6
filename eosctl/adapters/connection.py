"""How to reach Kafka: one set of librdkafka or Java properties, said to both clients; what one can't do is refused."""

import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eosctl.core.errors import UsageError

_REFERENCE = re.compile(r"\$\{(env|file):([^}]+)\}")
_JAAS_FIELD = re.compile(r"(\w+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|([^\s;]+))")
_JAVA_ONLY = {
    "key.serializer", "value.serializer", "key.deserializer", "value.deserializer", "enable.auto.commit",
    "isolation.level", "group.id", "transactional.id", "acks", "retries", "max.poll.records", "auto.offset.reset",
    "enable.idempotence", "transaction.timeout.ms", "max.in.flight.requests.per.connection", "partition.assignment.strategy",
    "ssl.keystore.type", "ssl.truststore.type", "default.api.timeout.ms", "ssl.enabled.protocols", "ssl.protocol",
}  # fmt: skip
_STORE_TYPES = ("JKS", "PKCS12")


def resolve_references(value: str) -> str:
    """`value` with `${env:NAME}` and `${file:PATH}` filled in; raises UsageError that names what is missing."""

    def fill(found: re.Match[str]) -> str:
        kind, name = found.groups()
        if kind == "env":
            if name not in os.environ:
                raise UsageError("missing_reference", f"The environment has no variable {name}.",
                                 why=f"A setting says ${{env:{name}}}.", hint="Set it.")  # fmt: skip
            return os.environ[name]
        try:
            return Path(name).expanduser().read_text(encoding="utf-8").strip()
        except OSError as error:
            raise UsageError("missing_reference", f"{name} can't be read: {error.strerror}.",
                             why=f"A setting says ${{file:{name}}}.") from None  # fmt: skip

    return _REFERENCE.sub(fill, value)


def properties_file(path: Path) -> Mapping[str, str]:
    """The keys and values of a Java or librdkafka `.properties` file. Raises UsageError with the line that is wrong.

    Syntax: java.util.Properties (`=`, `:` or white space after the key, `\\` continues a line, `#` and `!` comment).
    """
    import javaproperties

    try:
        text = path.read_text(encoding="utf-8")
        return dict(javaproperties.loads(text))
    except OSError as error:
        raise UsageError("kafka_config_not_read", f"{path} can't be read: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError("bad_kafka_config", f"{path} is not a .properties file: {error}.") from None


@dataclass(frozen=True)
class KafkaConnection:
    """Connection properties, translated once to librdkafka's names; values may still hold references."""

    properties: Mapping[str, str]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "KafkaConnection":
        """From librdkafka's or Java's names. Raises UsageError for what can't be said to librdkafka."""
        properties = {key: str(value) for key, value in given.items()}
        return cls(_from_java(properties))

    @property
    def servers(self) -> str:
        """The bootstrap servers as given, "" when nobody said."""
        return self.properties.get("bootstrap.servers", "")

    def require_servers(self) -> None:
        """Raises UsageError (`no_kafka`) when no Kafka was named."""
        if not self.servers:
            raise UsageError("no_kafka", "No Kafka was named.", why="There is no profile and no bootstrap server.",
                             hint="Give --bootstrap-server HOST:PORT or --profile NAME, or start one: eosctl lab up.")  # fmt: skip

    def librdkafka(self) -> dict[str, Any]:
        """The configuration of a confluent-kafka client, references resolved."""
        self.require_servers()
        return {"client.id": "eosctl", **{key: resolve_references(value) for key, value in self.properties.items()}}

    def kafka_python(self) -> dict[str, Any]:
        """The configuration of a kafka-python client, references resolved. Raises UsageError where it can't."""
        self.require_servers()
        p = {key: resolve_references(value) for key, value in self.properties.items()}
        protocol = p.get("security.protocol", "PLAINTEXT").upper()
        config: dict[str, Any] = {
            "bootstrap_servers": [one.strip() for one in p["bootstrap.servers"].split(",") if one.strip()],
            "client_id": p.get("client.id", "eosctl"),
            "security_protocol": protocol,
        }
        if protocol in ("SSL", "SASL_SSL"):
            config["ssl_context"] = _ssl_context(p)
        if protocol.startswith("SASL"):
            config |= _sasl(p)
        return config


def _from_java(given: dict[str, str]) -> dict[str, str]:
    p = {key: value for key, value in given.items() if key not in _JAVA_ONLY}
    if "sasl.mechanisms" in p:
        p["sasl.mechanism"] = p.pop("sasl.mechanisms")
    for store in ("ssl.keystore", "ssl.truststore"):
        _translate_store(store, given, p)
    if "sasl.jaas.config" in p:
        p |= _from_jaas(resolve_references(p.pop("sasl.jaas.config")))
    if p.get("ssl.endpoint.identification.algorithm") == "":
        p["ssl.endpoint.identification.algorithm"] = "none"
    if p.get("sasl.oauthbearer.token.endpoint.url"):
        p["sasl.oauthbearer.token.endpoint.url"] = p["sasl.oauthbearer.token.endpoint.url"]
        p.setdefault("sasl.oauthbearer.method", "oidc")
    p.pop("sasl.login.callback.handler.class", None)
    return p


def _translate_store(store: str, given: Mapping[str, str], p: dict[str, str]) -> None:
    location = p.get(f"{store}.location", "")
    kind = given.get(f"{store}.type", "").upper() or ("JKS" if location.endswith(".jks") else "")
    if kind in _STORE_TYPES or location.endswith((".p12", ".pfx")):
        raise UsageError("unsupported_keystore", f"{store}.location is a {kind or 'PKCS12'} store.",
                         why="kafka-python, which speaks KIP-664 here, reads PEM only.",
                         hint="Export it as PEM: ssl.ca.location, ssl.certificate.location and ssl.key.location.")  # fmt: skip
    if not location:
        return
    p.pop(f"{store}.location")
    p.pop(f"{store}.password", None)
    if store == "ssl.truststore":
        p.setdefault("ssl.ca.location", location)
    else:
        p.setdefault("ssl.certificate.location", location)
        p.setdefault("ssl.key.location", location)


def _from_jaas(text: str) -> dict[str, str]:
    fields = {name: double or single or bare for name, double, single, bare in _JAAS_FIELD.findall(text)}
    names = {"username": "sasl.username", "password": "sasl.password", "clientId": "sasl.oauthbearer.client.id",
             "clientSecret": "sasl.oauthbearer.client.secret", "scope": "sasl.oauthbearer.scope"}  # fmt: skip
    found = {names[name]: value for name, value in fields.items() if name in names}
    if not found:
        raise UsageError("bad_jaas", "sasl.jaas.config names no user.", hint="Give sasl.username and sasl.password.")
    return found


def _ssl_context(p: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if p.get("ssl.ca.location"):
            context = ssl.create_default_context(cafile=p["ssl.ca.location"])
        elif p.get("ssl.ca.pem"):
            context = ssl.create_default_context(cadata=p["ssl.ca.pem"])
        if p.get("ssl.certificate.location"):
            key = p.get("ssl.key.location") or None
            context.load_cert_chain(p["ssl.certificate.location"], key, p.get("ssl.key.password") or None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError("bad_certificate", f"A certificate file can't be used: {error}.",
                         hint="Check ssl.ca.location, ssl.certificate.location, ssl.key.location.") from None  # fmt: skip
    if p.get("ssl.endpoint.identification.algorithm", "https").lower() == "none":
        context.check_hostname = False
    if p.get("enable.ssl.certificate.verification", "true").lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _sasl(p: Mapping[str, str]) -> dict[str, Any]:
    mechanism = p.get("sasl.mechanism", "").upper()
    if mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        return {"sasl_mechanism": mechanism, "sasl_plain_username": p.get("sasl.username", ""),
                "sasl_plain_password": p.get("sasl.password", "")}  # fmt: skip
    if mechanism == "OAUTHBEARER":
        from eosctl.adapters.oauth import token_provider

        return {"sasl_mechanism": mechanism, "sasl_oauth_token_provider": token_provider(p)}
    raise UsageError("unsupported_sasl", f"sasl.mechanism {mechanism or '(none)'} is not served.",
                     why="Both clients here speak PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER.",
                     hint="Set sasl.mechanism to one of them.")  # fmt: skip
