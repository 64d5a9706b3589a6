"""The brokers' processor time, where their processes can be seen: on this machine, with psutil installed."""

from collections.abc import Collection
from typing import Any


class BrokerCpu:
    """The processes that listen where the cluster's brokers say they do."""

    def __init__(self, processes: Collection[Any]) -> None:
        self._processes = processes

    def spent_s(self) -> float:
        """Seconds of processor time so far, of all brokers."""
        times = [one.cpu_times() for one in self._processes]
        return float(sum(one.user + one.system for one in times))


def find(ports: Collection[tuple[str, int]]) -> tuple[BrokerCpu | None, str]:
    """Every broker's process, or None and why not."""
    try:
        import psutil
    except ImportError:
        return None, "psutil is not installed: pip install 'eosctl[lab]'."
    if any(host not in ("127.0.0.1", "localhost", "::1") for host, _ in ports):
        return None, "The brokers do not run on this machine."
    try:
        listening = {one.laddr.port: one.pid for one in psutil.net_connections("tcp")
                     if one.laddr and one.status == psutil.CONN_LISTEN and one.pid}  # fmt: skip
        found = [psutil.Process(listening[port]) for _, port in ports]
        cpu = BrokerCpu(found)
        cpu.spent_s()
    except (KeyError, psutil.Error):
        return None, "The brokers' processes can't be seen from here."
    return cpu, ""
