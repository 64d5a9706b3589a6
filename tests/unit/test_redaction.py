"""Secrets never leave: not in text, not in data, however deep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.redaction import MASK, redact, redact_text

SECRET = "s3cr3t-Horse"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://ops:{SECRET}@db:5432/orders",
        f"host=db user=ops password={SECRET} dbname=orders",
        f"host=db password='{SECRET}'",
        f"sasl.password={SECRET}",
        f"ssl.key.password={SECRET};",
        f"sasl.oauthbearer.client.secret={SECRET}",
    ],
)
def test_a_password_in_text_is_masked(text: str) -> None:
    assert SECRET not in redact_text(text)
    assert MASK in redact_text(text)


@pytest.mark.parametrize(
    "key", ["sasl.password", "password", "sasl.jaas.config", "ssl.key.pem", "client.secret", "api_token", "passphrase"]
)
def test_a_secret_key_is_masked_at_any_depth(key: str) -> None:
    masked = redact({"profiles": [{"kafka": {key: SECRET, "acks": "all"}}]})
    assert masked == {"profiles": [{"kafka": {key: MASK, "acks": "all"}}]}


@given(st.text(alphabet="abcdefghijklmnop0123456789-", min_size=8, max_size=20))
def test_no_secret_survives_in_a_dsn(secret: str) -> None:
    assert f":{secret}@" not in redact_text(f"connection to postgresql://u:{secret}@h/d failed")


def test_what_is_no_secret_is_left_alone() -> None:
    plain = {"bootstrap.servers": "kafka:9092", "tokenizer": "simple", "count": 3, "note": "the password was changed"}
    assert redact(plain) == plain
