"""Profiles: `$XDG_CONFIG_HOME/eosctl/config.yaml`, read and written. A running lab is a profile too."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.core.redaction import redact
from eosctl.ports.profiles import ProfileSummary


class Profile(BaseModel):
    """One connection by name. Values may be `${env:NAME}` or `${file:PATH}`; they are resolved when used."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    bootstrap_servers: str = Field("", description="host:port, several with commas")
    dsn: str = Field("", description="libpq connection string or URL")
    kafka: dict[str, str | int | bool | float] = Field(default_factory=dict, description="librdkafka properties")
    kafka_config: str = Field("", description="a Java or librdkafka .properties file")
    protected: bool = Field(False, description="changes want the profile's name typed")
    environment: str = Field("", description="staging, prod, ...")
    tables: dict[str, Any] = Field(default_factory=dict, description="table mappings by noun")
    connect: dict[str, Any] = Field(default_factory=dict, description="Kafka Connect: url, user, password")
    dialects: dict[str, Any] = Field(default_factory=dict, description="dead-letter dialects of your own")
    checks: dict[str, Any] = Field(default_factory=dict, description="subjects and limits of `eosctl check`")


class Config(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    current: str = ""
    profiles: dict[str, Profile] = Field(default_factory=dict)


def config_path() -> Path:
    """The configuration file; follows XDG_CONFIG_HOME."""
    return user_config_path("eosctl") / "config.yaml"


def read_config(path: Path | None = None) -> Config:
    """The file's content, an empty one when there is none. Raises UsageError that names the file and the key."""
    file = path or config_path()
    if not file.exists():
        return Config.model_construct()
    import yaml

    try:
        return Config.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError("bad_config", f"{file} is not YAML: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise UsageError("bad_config", f"{file} can't be read: {error.strerror}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        hint = did_you_mean(str(first["loc"][-1]), Profile.model_fields) if first["loc"] else ""
        raise UsageError("bad_config", f"{file}: {key}: {first['msg']}.", hint=hint) from None


class ProfileStore:
    """The ProfilesGateway on a real file."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or config_path()

    def path(self) -> Path:
        """The configuration file."""
        return self._path

    def profiles(self) -> tuple[ProfileSummary, ...]:
        """All profiles, running labs after those of the file."""
        config = read_config(self._path)
        mine = {**running_labs(), **config.profiles}
        return tuple(_summary(name, one, current=name == config.current) for name, one in mine.items())

    def use(self, name: str) -> None:
        """Makes `name` current."""
        config = read_config(self._path)
        known = {**config.profiles, **running_labs()}
        if name not in known:
            raise unknown_profile(name, known)
        self._write(config.model_copy(update={"current": name}))

    def add(self, name: str, settings: Mapping[str, Any], *, replace: bool) -> None:
        """Adds or replaces a profile."""
        config = read_config(self._path)
        if name in config.profiles and not replace:
            raise UsageError("profile_exists", f"The profile {name!r} exists.", hint="Give --replace to write over it.")
        try:
            profile = Profile.model_validate(dict(settings))
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError("bad_profile", f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
        self._write(config.model_copy(update={"profiles": {**config.profiles, name: profile}}))

    def _write(self, config: Config) -> None:
        import yaml

        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = yaml.safe_dump(config.model_dump(exclude_defaults=True), sort_keys=False)
        descriptor, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=".config-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, self._path)


def unknown_profile(name: str, known: Mapping[str, Any]) -> UsageError:
    """The error for a profile that does not exist."""
    hint = did_you_mean(name, known) or (
        f"There are: {', '.join(known)}." if known else "Make one: eosctl profile add."
    )
    return UsageError("unknown_profile", f"There is no profile {name!r}.", hint=hint)


def running_labs() -> dict[str, Profile]:
    """A profile for each lab that runs: `lab` for the default one, `lab-NAME` for the others."""
    from eosctl.lab.profiles import lab_settings

    return {name: Profile.model_validate(settings) for name, settings in lab_settings().items()}


def _summary(name: str, profile: Profile, *, current: bool) -> ProfileSummary:
    settings: dict[str, Any] = redact(profile.model_dump(exclude_defaults=True))
    return ProfileSummary(
        name,
        current,
        profile.protected,
        profile.environment,
        profile.bootstrap_servers,
        settings.get("dsn", ""),
        settings,
    )
