"""Client configuration files: what six kinds of client are told, by one set of names, with each client's defaults."""

from eosctl.domain.audit.clients.client import Client, Kind, Setting, Value
from eosctl.domain.audit.clients.reading import read_clients, split_kind

__all__ = ["Client", "Kind", "Setting", "Value", "read_clients", "split_kind"]
