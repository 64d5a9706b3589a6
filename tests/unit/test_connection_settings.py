"""One set of Kafka properties, in librdkafka's or Java's names, means the same to both clients, or is refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from eosctl.adapters.connection import DatabaseConnection, KafkaConnection, properties_file, resolve_references
from eosctl.adapters.kafka_errors import probe
from eosctl.cli.profiles import Profile
from eosctl.cli.settings import NoProfile
from eosctl.core.errors import Unreachable, UsageError

SERVER = {"bootstrap.servers": "a:9092, b:9092"}
SCRAM = {
    "security.protocol": "sasl_plaintext",
    "sasl.mechanism": "scram-sha-512",
    "sasl.username": "u",
    "sasl.password": "p",
}


def of(**changes: str) -> KafkaConnection:
    return KafkaConnection.of({**SERVER, **{key.replace("_", "."): value for key, value in changes.items()}})


def refused(given: Mapping[str, Any]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        KafkaConnection.of({**SERVER, **given})
    assert caught.value.why
    assert caught.value.hint
    return caught.value


def test_plaintext_is_all_that_bare_servers_need() -> None:
    assert of().librdkafka() == {"client.id": "eosctl", "bootstrap.servers": "a:9092, b:9092"}
    assert of().kafka_python() == {
        "bootstrap_servers": ["a:9092", "b:9092"],
        "client_id": "eosctl",
        "security_protocol": "PLAINTEXT",
    }


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_user_with_a_password_serves_both_clients(mechanism: str) -> None:
    connection = KafkaConnection.of({**SERVER, **SCRAM, "sasl.mechanism": mechanism.lower()})
    assert connection.librdkafka()["sasl.mechanism"] == mechanism
    assert connection.librdkafka()["security.protocol"] == "SASL_PLAINTEXT"
    python = connection.kafka_python()
    assert (python["sasl_mechanism"], python["sasl_plain_username"], python["sasl_plain_password"]) == (
        mechanism,
        "u",
        "p",
    )


def test_a_java_jaas_line_means_user_and_password_quotes_and_escapes_included() -> None:
    line = r'org.apache.kafka.common.security.scram.ScramLoginModule required username="al ice" password="a\"b;c";'
    java = {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-256", "sasl.jaas.config": line}
    properties = KafkaConnection.of({**SERVER, **java}).librdkafka()
    assert (properties["sasl.username"], properties["sasl.password"]) == ("al ice", 'a"b;c')
    assert "sasl.jaas.config" not in properties


def test_java_clients_own_settings_are_left_out_without_a_word() -> None:
    java = {"key.serializer": "x", "acks": "all", "group.id": "g", "default.api.timeout.ms": "5"}
    assert KafkaConnection.of({**SERVER, **java}).librdkafka() == {"client.id": "eosctl", **SERVER}


def test_librdkafka_tuning_is_handed_on() -> None:
    given = {"socket.keepalive.enable": True, "queued.min.messages": 200_000, "partitioner": "murmur2_random"}
    assert KafkaConnection.of({**SERVER, **given}).librdkafka() == {
        "client.id": "eosctl", **SERVER, "socket.keepalive.enable": "true", "queued.min.messages": "200000",
        "partitioner": "murmur2_random",
    }  # fmt: skip


def test_an_unknown_property_is_refused_with_the_nearest_known() -> None:
    error = refused({"sasl.usrname": "u"})
    assert error.code == "unknown_property"
    assert "'sasl.usrname'" in error.message
    assert "'sasl.username'" in error.hint


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ({"ssl.keystore.location": "/k.jks"}, "unsupported_keystore", "JKS"),
        ({"ssl.keystore.location": "/k.p12"}, "unsupported_keystore", "PKCS12"),
        ({"ssl.truststore.location": "/k", "ssl.truststore.type": "pkcs12"}, "unsupported_keystore", "PKCS12"),
        ({"security.protocol": "SASL_SSL"}, "unsupported_sasl", "GSSAPI"),
        ({"security.protocol": "SASL_SSL", "sasl.mechanism": "AWS_MSK_IAM"}, "unsupported_sasl", "AWS_MSK_IAM"),
        ({**SCRAM, "sasl.password": ""}, "incomplete_sasl", "sasl.password"),
        ({"security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER"}, "incomplete_sasl", "token.endpoint.url"),
        ({"security.protocol": "TLS"}, "bad_property", "'TLS'"),
        ({"ssl.engine.location": "/e"}, "unsupported_property", "ssl.engine.location"),
        ({**SCRAM, "sasl.jaas.config": "KafkaClient;"}, "bad_jaas", "names no user"),
    ],
)
def test_what_one_client_cannot_do_is_refused_for_both(given: Mapping[str, str], code: str, says: str) -> None:
    error = refused(given)
    assert error.code == code
    assert says in error.message


def test_oauthbearer_is_oidc_client_credentials_for_both_clients() -> None:
    from kafka.net.sasl.oauth import AbstractTokenProvider

    url = "https://login.example/token"
    connection = KafkaConnection.of(
        {
            **SERVER,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "OAUTHBEARER",
            "sasl.jaas.config": 'OAuthBearerLoginModule required clientId="me" clientSecret="s3" scope="kafka";',
            "sasl.oauthbearer.token.endpoint.url": url,
            "sasl.oauthbearer.extensions": "logicalCluster=lkc-1",
        }
    )
    assert connection.librdkafka()["sasl.oauthbearer.method"] == "oidc"
    assert connection.librdkafka()["sasl.oauthbearer.client.secret"] == "s3"
    provider = connection.kafka_python()["sasl_oauth_token_provider"]
    assert isinstance(provider, AbstractTokenProvider)
    assert provider.extensions() == {"logicalCluster": "lkc-1"}


def test_client_certificates_in_pem_serve_both_clients(tmp_path: Path) -> None:
    pem = _self_signed(tmp_path)
    java = {"security.protocol": "SSL", "ssl.truststore.type": "PEM", "ssl.truststore.location": str(pem),
            "ssl.keystore.type": "PEM", "ssl.keystore.location": str(pem), "ssl.truststore.password": "unused",
            "ssl.endpoint.identification.algorithm": ""}  # fmt: skip
    connection = KafkaConnection.of({**SERVER, **java})
    properties = connection.librdkafka()
    assert (
        properties["ssl.ca.location"]
        == properties["ssl.certificate.location"]
        == properties["ssl.key.location"]
        == str(pem)
    )
    assert properties["ssl.endpoint.identification.algorithm"] == "none"
    context = connection.kafka_python()["ssl_context"]
    assert not context.check_hostname
    assert context.get_ca_certs()


def test_certificates_may_stand_in_the_properties_themselves(tmp_path: Path) -> None:
    text = _self_signed(tmp_path).read_text(encoding="utf-8")
    java = {"security.protocol": "SSL", "ssl.truststore.certificates": text, "ssl.keystore.key": text,
            "ssl.keystore.certificate.chain": text}  # fmt: skip
    assert KafkaConnection.of({**SERVER, **java}).kafka_python()["ssl_context"].get_ca_certs()


def test_a_certificate_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    connection = KafkaConnection.of(
        {**SERVER, "security.protocol": "SSL", "ssl.ca.location": str(tmp_path / "none.pem")}
    )
    with pytest.raises(UsageError, match=r"ssl\.ca\.location can't be used: No such file"):
        connection.kafka_python()


def test_references_are_filled_from_the_environment_and_from_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EOS_USER", "alice")
    (tmp_path / "secret").write_text("s3cret\n", encoding="utf-8")
    assert resolve_references("${env:EOS_USER}") == "alice"
    settings = {**SCRAM, "sasl.username": "${env:EOS_USER}", "sasl.password": f"${{file:{tmp_path / 'secret'}}}"}
    connection = KafkaConnection.of({**SERVER, **settings})
    assert connection.librdkafka()["sasl.password"] == "s3cret"
    assert "s3cret" not in repr(connection)
    assert DatabaseConnection("postgresql://${env:EOS_USER}@h/d").libpq() == "postgresql://alice@h/d"


@pytest.mark.parametrize("reference", ["${env:NOT_THERE}", "${file:/not/there}"])
def test_a_missing_reference_is_named(reference: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_references(reference)
    assert caught.value.code == "missing_reference"
    assert reference[6:-1] in caught.value.message + caught.value.why


def test_a_properties_file_is_read_as_java_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.write_text("# a comment\nbootstrap.servers = a:1,\\\n  b:2\nclient.id: me\n! also\nsasl.password=p=q\\u0041\n")
    assert properties_file(file) == {"bootstrap.servers": "a:1,b:2", "client.id": "me", "sasl.password": "p=qA"}


def test_a_properties_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.properties can't be read: No such file"):
        properties_file(tmp_path / "none.properties")


def test_without_servers_there_is_no_kafka() -> None:
    with pytest.raises(UsageError) as caught:
        KafkaConnection.of({"bootstrap.servers": " , "}).librdkafka()
    assert caught.value.code == "no_kafka"


@pytest.mark.parametrize("server", ["host", "host:port", "host:99999"])
def test_a_server_that_is_not_host_and_port_is_refused(server: str) -> None:
    with pytest.raises(UsageError, match="not host:port"):
        probe(KafkaConnection.of({"bootstrap.servers": server}), 1_000)


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    with pytest.raises(Unreachable) as caught:
        probe(KafkaConnection.of({"bootstrap.servers": "no.such.host.invalid:9092"}), 1_000)
    assert caught.value.code == "kafka_unreachable"
    assert "no.such.host.invalid:9092" in caught.value.message


def test_without_dsn_and_variables_there_is_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError) as caught:
        DatabaseConnection("").require_some()
    assert caught.value.code == "no_database"
    monkeypatch.setenv("PGHOST", "db")
    DatabaseConnection("").require_some()


def _self_signed(folder: Path) -> Path:
    from eosctl.lab.security import make_security

    make_security(folder / "security")
    pem = folder / "security" / "client.keystore.pem"
    assert pem.exists()
    return pem


def test_no_profile_says_what_a_profile_without_settings_says() -> None:
    empty = Profile()
    assert {name: getattr(NoProfile, name) for name in Profile.model_fields} == empty.model_dump()
