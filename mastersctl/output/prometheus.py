"""The text format of Prometheus, as the textfile collector of node_exporter reads it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mastersctl.schema.stored import moment, text
from mastersctl.states import ACTIVE

FIELDS = ("id", "name", "state", "last_active", "unfinished_builds", "claims")
_LABELS = ("id", "name")


def render(
    counts: Mapping[str, int],
    masters: Iterable[tuple[Any, ...]],
    missing: Sequence[int | str] = (),
    needing: int | None = None,
) -> str:
    """Return the metrics.

    Parameters:
        counts: how many masters are in each state.
        masters: the values of `FIELDS` of each.
        missing: the IDs and names of masters that do not exist, and so are not active.
        needing: how many masters need housekeeping; None where that is not known.
    """
    registry = CollectorRegistry()
    registry.register(_Masters(counts, masters, missing, needing))
    return generate_latest(registry).decode()


class _Masters(Collector):
    def __init__(
        self,
        counts: Mapping[str, int],
        masters: Iterable[tuple[Any, ...]],
        missing: Sequence[int | str],
        needing: int | None,
    ) -> None:
        self._counts = counts
        self._masters = masters
        self._missing = missing
        self._needing = needing

    def describe(self) -> list[GaugeMetricFamily]:
        return []  # else the registry would call collect to get the metrics

    def collect(self) -> Iterator[GaugeMetricFamily]:
        masters = GaugeMetricFamily(
            "buildbot_masters", "How many masters are in each state.", labels=["state"]
        )
        for state, count in self._counts.items():
            masters.add_metric([state], count)
        yield masters
        if self._needing is not None:
            yield GaugeMetricFamily(
                "buildbot_masters_needing_housekeeping",
                "How many masters are not active, and still hold builds, claims or links.",
                value=self._needing,
            )
        active, last_active, builds, claims = families = [
            GaugeMetricFamily(f"buildbot_master_{name}", help_, labels=_LABELS)
            for name, help_ in (
                ("active", "Whether the master is active, and checked in lately."),
                ("last_active_timestamp_seconds", "When the master last checked in."),
                ("unfinished_builds", "How many builds of the master are not finished."),
                ("claims", "How many unfinished build requests the master has claimed."),
            )
        ]
        for id_, name, state, checked_in, unfinished_builds, claimed in self._masters:
            labels = [_label(id_), _label(name)]
            active.add_metric(labels, state == ACTIVE)
            if moment(checked_in):
                last_active.add_metric(labels, checked_in)
            builds.add_metric(labels, unfinished_builds)
            claims.add_metric(labels, claimed)
        for master in self._missing:
            active.add_metric([str(master), ""] if isinstance(master, int) else ["", master], 0)
        yield from families


def _label(value: object) -> str:
    return text(value).encode(errors="replace").decode()
