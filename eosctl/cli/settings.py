"""Which servers: flags before environment before profile. Nothing connects here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eosctl.cli.profiles import Profile, read_config, running_labs, unknown_profile
from eosctl.core.durations import parse_duration_ms
from eosctl.core.errors import UsageError

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


def _profile(flags: Flags, environ: Mapping[str, str]) -> tuple[str, Profile]:
    config = read_config()
    named = flags.profile or environ.get("EOSCTL_PROFILE", "")
    connected = (
        flags.bootstrap_server or flags.dsn or environ.get("EOSCTL_BOOTSTRAP_SERVER") or environ.get("EOSCTL_DSN")
    )
    name = named or ("" if connected else config.current)
    if not name:
        return "", Profile.model_construct()
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
