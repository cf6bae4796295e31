"""``mastersctl doctor``"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mastersctl.cli.context import Settings, pass_settings
from mastersctl.cli.options import age_option, database_options, output_option

if TYPE_CHECKING:
    from mastersctl.operations.doctor import Problem

_FOUND = 1  # the exit code when there is a problem
_COLUMNS = ("problem", "count", "examples", "effect", "remedy")


@click.command()
@age_option("--pending-age", minutes=60,
            help="How old a build request is that nobody can build.")  # fmt: skip
@output_option("table", "json")
@database_options
@pass_settings
def doctor(settings: Settings, pending_age: float, format_: str) -> None:
    """Find damage in the database, and say how to mend it.

    Such damage is left by SQL that was written by hand, by copies of databases, by upgrades that
    were interrupted, and by masters that died. A row is one problem: how many, some of them, what
    it does to Buildbot, and how to mend it. Nothing is changed.

    The exit code is 1 when there is a problem, and 0 when there is none.

    \b
    Example:
      mastersctl doctor -o json
    """
    from mastersctl.operations.doctor import find_problems

    with settings.progress("Looking"), settings.connect("read") as connector:
        problems = find_problems(connector, pending_age)
    _write(problems, format_)
    if problems:
        raise click.exceptions.Exit(_FOUND)


def _write(problems: list[Problem], format_: str) -> None:
    if format_ == "json":
        from mastersctl.output.json import write_object

        write_object({"problems": [_to_json(problem) for problem in problems]}, sys.stdout)
    elif not problems:
        click.echo("no problem found")
    else:
        from mastersctl.output.table import write

        rows = [
            (one.kind, one.number, ", ".join(one.examples), one.effect, one.remedy)
            for one in problems
        ]
        write(rows, _COLUMNS, sys.stdout, texts={*_COLUMNS} - {"count"})


def _to_json(problem: Problem) -> dict[str, object]:
    return {
        "kind": problem.kind,
        "count": problem.number,
        "examples": problem.examples,
        "effect": problem.effect,
        "remedy": problem.remedy,
        "fixable": problem.fixable,
    }
