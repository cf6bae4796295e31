"""Runs all comparisons and prints them as a table: ``python -m benchmarks``."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import click
import pyperf
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.comparisons import Comparison, Setting, comparisons
from benchmarks.data import fill_postgres, make_configured, make_linked, make_sqlite
from benchmarks.environments import make_bare, make_full
from benchmarks.measure import Figures, measure
from tests.support.buildbots import make_basedir, upgrade
from tests.support.databases import PostgresServer
from tests.support.shared import Shared

_FEWER = 3  # the divisor of the number of runs for commands that take seconds
_WIDTH = 130  # columns of the table


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--runs", type=click.IntRange(min=1), default=15, show_default=True,
    help="How often each command is run; a third of that where one takes seconds.",
)  # fmt: skip
@click.option(
    "--masters", type=click.IntRange(min=100), default=1_000_000, show_default=True,
    help="How many masters are many.",
)  # fmt: skip
@click.option(
    "--results", type=click.Path(dir_okay=False),
    help="Write all times to this file, for 'python -m pyperf compare_to'.",
)  # fmt: skip
def main(runs: int, masters: int, results: str | None) -> None:
    """Measure mastersctl beside its peers, and print a table.

    It needs the sqlite3 shell, and what the extra 'bench' brings. Databases, a server and
    environments, in one of which mastersctl is installed from here, are made in a temporary
    directory.
    """
    table = Table(box=box.ASCII2, show_edge=False)
    for title in ("command (masters)", "its peer"):
        table.add_column(title, overflow="fold")
    for title in ("ms", "peer's ms", "MiB", "peer's MiB", "ratio", "bound"):
        table.add_column(title, justify="right")
    times: dict[str, pyperf.Benchmark] = {}
    with _setting(masters) as setting:
        for comparison in comparisons(setting):
            click.echo(comparison.ours.name, err=True)
            start = [comparison.start] if comparison.start else []
            commands = [comparison.ours, comparison.peer, *start]
            figures = measure(commands, max(1, runs // _FEWER) if comparison.slow else runs)
            table.add_row(*_row(comparison, *figures))
            for figure in figures:
                _add(times, figure.seconds)
    if results:
        pyperf.BenchmarkSuite([*times.values()]).dump(results, replace=True)
    Console(width=_WIDTH, color_system=None).print(table)


def _add(times: dict[str, pyperf.Benchmark], more: pyperf.Benchmark) -> None:
    """Add the measurements of a command to its earlier ones."""
    before = times.setdefault(more.get_name(), more)
    if before is not more:
        before.add_runs(more)


@contextmanager
def _setting(masters: int) -> Iterator[Setting]:
    with tempfile.TemporaryDirectory(prefix="mastersctl-benchmarks-") as name:
        directory = Path(name)
        Shared.directory = directory / "shared"
        Shared.directory.mkdir()
        sqlite = make_basedir(directory / "master")
        template = sqlite / "state.sqlite"
        server = PostgresServer(directory / "postgres")
        try:
            database = server.create()
            upgrade(make_basedir(directory / "master-on-postgres", server.url(database)))
            fill_postgres(server.url(database), 10)
            ten = make_sqlite(template, directory / "ten.sqlite", 10)
            yield Setting(
                bare=make_bare(directory / "bare"),
                full=make_full(directory / "full"),
                basedir=sqlite,
                configured=make_configured(directory / "configured", ten, 3000),
                ten=ten,
                table=make_sqlite(template, directory / "table.sqlite", 10_000),
                large=make_sqlite(template, directory / "large.sqlite", 100_000),
                linked=make_linked(template, directory / "linked.sqlite", 150_000),
                many=make_sqlite(template, directory / "many.sqlite", masters),
                scratch=directory / "scratch.sqlite",
                most=masters,
                postgres=server.url(database),
                psql=server.psql,
            )
        finally:
            server.stop("immediate")


def _row(
    comparison: Comparison, ours: Figures, peer: Figures, start: Figures | None = None
) -> Iterator[str]:
    started = start.seconds.median() if start else 0.0
    yield comparison.ours.name + (" - start-up" if start else "")
    yield comparison.peer.name
    yield f"{(ours.seconds.median() - started) * 1000:.0f}"
    yield f"{peer.seconds.median() * 1000:.0f}"
    yield f"{ours.mebibytes:.1f}"
    yield f"{peer.mebibytes:.1f}"
    if comparison.figure == "memory":
        yield f"{ours.mebibytes / peer.mebibytes:.2f} MiB"
    else:  # of each pair of runs: a busy machine disturbs both
        pairs = zip(ours.seconds.get_values(), peer.seconds.get_values(), strict=True)
        yield f"{median((one - started) / other for one, other in pairs):.2f}"
    yield "" if comparison.bound is None else f"{comparison.bound:g}"


if __name__ == "__main__":
    main()
