"""Which servers: flags before environment before profile. Nothing connects here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eosctl.core.durations import parse_duration_ms
from eosctl.core.errors import UsageError

if TYPE_CHECKING:
    from eosctl.cli.profiles import Profile

DEFAULT_TIMEOUT = "15s"
_SECTIONS = ("tables", "connect", "dialects", "checks", "environment")


@dataclass(frozen=True)
class Flags:
    """The shared flags as they were typed; "" and () for those that were not."""

    profile: str = ""
    bootstrap_server: str = ""
    dsn: str = ""
    kafka_config: str = ""
    properties: tuple[str, ...] = ()
    timeout: str = ""


@dataclass(frozen=True)
class Settings:
    """What the adapters get: librdkafka properties (references resolved by them), the DSN, the profile."""

    kafka: Mapping[str, Any]
    dsn: str
    timeout_ms: int
    profile_name: str = ""
    protected: bool = False
    environment: str = ""
    sections: Mapping[str, Any] = field(default_factory=dict)


def settings_of(flags: Flags, environ: Mapping[str, str] = os.environ) -> Settings:
    """Flags, then EOSCTL_* variables, then the profile. Raises UsageError for what does not exist or does not parse."""
    name, profile = _profile(flags, environ)
    kafka: dict[str, Any] = {}
    for source in (profile.kafka_config, environ.get("EOSCTL_KAFKA_CONFIG", ""), flags.kafka_config):
        if source:
            kafka |= _properties_file(source)
    kafka |= {
        key: str(value) if not isinstance(value, bool) else str(value).lower() for key, value in profile.kafka.items()
    }
    servers = flags.bootstrap_server or environ.get("EOSCTL_BOOTSTRAP_SERVER", "") or profile.bootstrap_servers
    if servers:
        kafka["bootstrap.servers"] = servers
    kafka |= _assignments(flags.properties)
    sections = {name: getattr(profile, name) for name in _SECTIONS}
    if environ.get("EOSCTL_CONNECT_URL"):
        sections["connect"] = {"url": environ["EOSCTL_CONNECT_URL"]}
    return Settings(
        kafka=kafka,
        dsn=flags.dsn or environ.get("EOSCTL_DSN", "") or profile.dsn,
        timeout_ms=_timeout_ms(flags.timeout or environ.get("EOSCTL_TIMEOUT", "") or DEFAULT_TIMEOUT),
        profile_name=name,
        protected=profile.protected,
        environment=profile.environment,
        sections=sections,
    )


class NoProfile:
    """What a profile without any setting says. Where flags name the servers, nobody needs pydantic to know that."""

    bootstrap_servers = dsn = kafka_config = environment = ""
    protected = False
    kafka: Mapping[str, Any] = {}
    tables: Mapping[str, Any] = {}
    connect: Mapping[str, Any] = {}
    dialects: Mapping[str, Any] = {}
    checks: Mapping[str, Any] = {}


def _profile(flags: Flags, environ: Mapping[str, str]) -> tuple[str, Profile | NoProfile]:
    named = flags.profile or environ.get("EOSCTL_PROFILE", "")
    connected = (
        flags.bootstrap_server or flags.dsn or environ.get("EOSCTL_BOOTSTRAP_SERVER") or environ.get("EOSCTL_DSN")
    )
    if connected and not named:
        return "", NoProfile()
    from eosctl.cli.profiles import read_config, running_labs, unknown_profile

    config = read_config()
    name = named or config.current
    if not name:
        return "", NoProfile()
    if name in config.profiles:
        return name, config.profiles[name]
    labs = running_labs()
    if name in labs:
        return name, labs[name]
    raise unknown_profile(name, {**config.profiles, **labs})


def _properties_file(path: str) -> dict[str, str]:
    from eosctl.adapters.connection import properties_file

    return dict(properties_file(Path(path).expanduser()))


def _assignments(properties: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for one in properties:
        key, equals, value = one.partition("=")
        if not equals or not key.strip():
            raise UsageError("bad_property", f"-X {one!r} is not key=value.", hint="For example -X client.id=eosctl.")
        pairs[key.strip()] = value
    return pairs


def _timeout_ms(text: str) -> int:
    limit = parse_duration_ms(text)
    if limit < 100:
        raise UsageError("bad_timeout", f"--timeout {text} is too short.", hint="Give at least 100ms.")
    return limit
