"""`cdc config`: the Debezium configuration for the outbox, and the SQL that goes before it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from eosctl.core.operation import Example, Query
from eosctl.core.params import param
from eosctl.core.report import Report
from eosctl.domain.cdc_config import (
    PASSWORD_REFERENCE,
    Choice,
    ConnectorWish,
    as_config,
    choices,
    setup_sql,
)
from eosctl.operations.outbox_table import OutboxParams, OutboxTable, found_table
from eosctl.ports import Gateways


class CdcConfigParams(OutboxParams):
    """What is not in the table mapping."""

    name: str = param("outbox", help="The connector's name")
    prefix: str = param("", help="topic.prefix [default: the connector's name]")
    slot: str = param("", help="Replication slot [default: eosctl_ and the connector's name]")
    publication: str = param("", help="Publication [default: like the slot]")
    host: str = param("", help="Where Connect finds the database [default: where this connection found it]")
    port: int = param(0, help="Its port, likewise", ge=0, le=65_535)
    user: str = param("debezium", help="The role that Debezium uses")
    password: str = param(PASSWORD_REFERENCE, help="A reference that the worker's config provider resolves")
    snapshot: Literal["initial", "no_data"] = param("initial", help="initial (rows that are there too) or no_data")
    exactly_once: bool = param(False, help="Ask for exactly.once.support=required")
    form: Literal["json", "properties", "sql"] = param("json", help="json (for REST), properties, or sql (the set-up)")
    explain: bool = param(False, help="Say why of every choice")


@dataclass(frozen=True)
class CdcConfig:
    """`config` is for `PUT /connectors/<name>/config`; `sql` goes first; `choices` say why."""

    name: str
    config: Mapping[str, str]
    sql: tuple[str, ...]
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class CdcConfigSeen:
    """The table, and where the database is."""

    table: OutboxTable
    server: Mapping[str, Any]


def observe(gateways: Gateways, params: CdcConfigParams) -> CdcConfigSeen:
    """The table and the server's own address."""
    return CdcConfigSeen(found_table(gateways, params.table), gateways.database.query("database_name")[0])


def report(seen: CdcConfigSeen, params: CdcConfigParams) -> Report:
    """The text that was asked for; everything for scripts."""
    slot = params.slot or "eosctl_" + "".join(one if one.isalnum() else "_" for one in params.name.lower())
    wish = ConnectorWish(
        name=params.name,
        prefix=params.prefix or params.name,
        slot=slot,
        publication=params.publication or slot,
        host=params.host or str(seen.server["host"] or "localhost").split("/")[0],
        port=params.port or int(seen.server["port"] or 5_432),
        database=str(seen.server["database"]),
        user=params.user,
        password=params.password,
        snapshot=params.snapshot,
        exactly_once=params.exactly_once,
        partitioned=seen.table.catalogue.kind == "partitioned",
    )
    mapping = seen.table.mapping
    found = CdcConfig(wish.name, as_config(choices(mapping, wish)), setup_sql(mapping, wish), choices(mapping, wish))
    if params.explain:
        return Report(found, CdcConfig, text="\n".join(f"{one.key}={one.value}\n  {one.why}" for one in found.choices))
    return Report(found, CdcConfig, text=_text(found, params.form), summary=_SUMMARIES[params.form])


_SUMMARIES = {
    "json": "Before it runs: eosctl cdc config --form sql. Then POST this to Connect's /connectors.",
    "properties": "Before it runs: eosctl cdc config --form sql.",
    "sql": "Run it once with psql, as the table's owner with the right to make roles.",
}


def _text(found: CdcConfig, form: str) -> str:
    if form == "sql":
        return "\n".join(found.sql)
    if form == "properties":
        pairs = {"name": found.name, **found.config}
        return "\n".join(f"{key}={_escaped(value)}" for key, value in pairs.items())
    return json.dumps({"name": found.name, "config": dict(found.config)}, indent=2, ensure_ascii=False)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")


OPERATION = Query(
    name="cdc.config",
    summary="Write the Debezium configuration for the outbox",
    params=CdcConfigParams,
    result=CdcConfig,
    needs=("database",),
    listing=False,
    observe=observe,
    report=report,
    details="Prints a connector configuration that fits the table, for Connect's REST interface; --form sql prints "
    "the role, grants and publication that it wants. Nothing is changed.",
    examples=(
        Example("eosctl cdc config --form sql", "What the database needs first."),
        Example("eosctl cdc config --exactly-once", "The configuration, ready to be sent to Connect."),
        Example("eosctl cdc config --explain", "Every key and why it is so."),
    ),
)
