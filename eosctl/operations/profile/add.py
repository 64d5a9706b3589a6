"""`profile add`: writes a connection into the configuration file."""

from typing import Any

from eosctl.core.errors import UsageError
from eosctl.core.operation import Action, Example
from eosctl.core.params import Params, param
from eosctl.core.redaction import is_secret_key
from eosctl.core.report import Report
from eosctl.operations.profile.use import ProfileUsed
from eosctl.ports import Gateways


class ProfileAddParams(Params):
    """The new profile. Give secrets as `${env:NAME}` or `${file:PATH}`: the file holds what is typed here."""

    name: str = param(help="The profile's name", positional=True)
    servers: str = param("", help="Kafka's host:port, several with commas")
    database: str = param("", help="libpq connection string or URL of the database")
    set: tuple[str, ...] = param((), help="A librdkafka property, key=value; repeatable", metavar="KEY=VALUE")
    properties_file: str = param("", help="A Java or librdkafka .properties file to read each time", complete="file")
    environment: str = param("", help="staging, prod, ... (playbooks may ask for it)")
    protected: bool = param(False, help="Changes want the profile's name typed")
    replace: bool = param(False, help="Write over a profile of that name")


def run(gateways: Gateways, params: ProfileAddParams) -> Report:
    """Writes the configuration file; raises UsageError (`profile_exists`, `bad_profile`, `secret_in_clear`)."""
    settings: dict[str, Any] = {
        "bootstrap_servers": params.servers,
        "dsn": params.database,
        "kafka": _properties(params.set),
        "kafka_config": params.properties_file,
        "environment": params.environment,
        "protected": params.protected,
    }
    gateways.profiles.add(params.name, {key: value for key, value in settings.items() if value}, replace=params.replace)
    return Report(
        ProfileUsed(params.name, str(gateways.profiles.path())),
        ProfileUsed,
        summary=f"Added {params.name}. `eosctl profile use {params.name}` makes it the current one.",
    )


def _properties(pairs: tuple[str, ...]) -> dict[str, str]:
    properties = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(
                "bad_property", f"{pair!r} is not key=value.", hint="For example security.protocol=SASL_SSL."
            )
        if is_secret_key(key) and not value.startswith("${"):
            raise UsageError(
                "secret_in_clear",
                f"{key} would stand in the file in clear text.",
                why="Configuration files are copied and shared.",
                hint=f"Give {key}='${{env:NAME}}' or '${{file:PATH}}'.",
            )
        properties[key] = value
    return properties


OPERATION = Action(
    name="profile.add",
    summary="Add a profile",
    params=ProfileAddParams,
    result=ProfileUsed,
    listing=False,
    run=run,
    examples=(
        Example(
            "eosctl profile add staging --servers kafka-1:9092 --database postgresql://ops@db/orders",
            "A profile without security.",
        ),
        Example(
            "eosctl profile add prod --servers kafka-1:9093 --set security.protocol=SSL --protected", "A protected one."
        ),
    ),
)
