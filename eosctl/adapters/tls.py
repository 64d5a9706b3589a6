"""TLS for kafka-python, from the properties that librdkafka reads itself."""

import ssl
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from eosctl.core.errors import UsageError


def ssl_context(p: Mapping[str, str]) -> ssl.SSLContext:
    """The context that librdkafka's `ssl.*` properties mean. Raises UsageError naming what can't be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _trust(context, p)
    _identify(context, p)
    if p.get("ssl.cipher.suites"):
        _loading("ssl.cipher.suites", lambda: context.set_ciphers(p["ssl.cipher.suites"]))
    if p.get("ssl.crl.location"):
        _loading("ssl.crl.location", lambda: context.load_verify_locations(p["ssl.crl.location"]))
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    if p.get("ssl.endpoint.identification.algorithm", "https").lower() == "none":
        context.check_hostname = False
    if p.get("enable.ssl.certificate.verification", "true").lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _trust(context: ssl.SSLContext, p: Mapping[str, str]) -> None:
    if p.get("ssl.ca.location"):
        path = Path(p["ssl.ca.location"])
        where = {"capath": str(path)} if path.is_dir() else {"cafile": str(path)}
        _loading("ssl.ca.location", lambda: context.load_verify_locations(**where))
    elif p.get("ssl.ca.pem"):
        _loading("ssl.ca.pem", lambda: context.load_verify_locations(cadata=p["ssl.ca.pem"]))
    else:
        context.load_default_certs()


def _identify(context: ssl.SSLContext, p: Mapping[str, str]) -> None:
    password = p.get("ssl.key.password", "")
    if p.get("ssl.certificate.location"):
        chain, key = p["ssl.certificate.location"], p.get("ssl.key.location") or None
        _loading("ssl.certificate.location", lambda: context.load_cert_chain(chain, key, lambda: password))
    elif p.get("ssl.certificate.pem"):
        with tempfile.NamedTemporaryFile(
            "w", suffix=".pem"
        ) as file:  # ssl reads files only; this one is 0600 and brief
            file.write(f"{p['ssl.certificate.pem']}\n{p.get('ssl.key.pem', '')}\n")
            file.flush()
            _loading("ssl.certificate.pem", lambda: context.load_cert_chain(file.name, None, lambda: password))


def _loading(name: str, load: Callable[[], object]) -> None:
    try:
        load()
    except (OSError, ssl.SSLError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UsageError("bad_certificate", f"{name} can't be used: {said}.", why="TLS needs it in PEM.",
                         hint="Check the file, who may read it, and ssl.key.password.") from None  # fmt: skip
