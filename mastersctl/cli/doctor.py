"""``mastersctl doctor``"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mastersctl.cli.context import Settings, pass_settings
from mastersctl.cli.messages import can_ask, note_released, report
from mastersctl.cli.options import age_option, database_options, output_option

if TYPE_CHECKING:
    from mastersctl.operations.doctor import Problem
    from mastersctl.operations.repair import Repaired

_FOUND = 1  # the exit code when there is a problem
_COLUMNS = ("PROBLEM", "COUNT", "EXAMPLES", "EFFECT", "REMEDY")


@click.command()
@click.option("--fix", is_flag=True, help="Repair what can be repaired without loss.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@age_option("--pending-age", minutes=60,
            help="Report requests that no master can build, if older than AGE.")  # fmt: skip
@output_option("table", "json")
@database_options
@pass_settings
def doctor(settings: Settings, fix: bool, yes: bool, pending_age: float, format_: str) -> None:
    """Find damage in the database; repair it with --fix.

    \b
    Examples:
      mastersctl doctor -o json
      mastersctl doctor --fix

    Damage comes from SQL written by hand, copied databases, interrupted upgrades and dead masters.
    The output has a row for each problem: its count, examples, effect and remedy. The exit code is
    1 when there is a problem, or when --fix leaves one. Otherwise it is 0.

    \b
    --fix repairs what it can without loss, each problem in one transaction:
      - adds each missing master that rows refer to, inactive, with its ID and
        the name 'missing-master-ID:unknown'
      - corrects a name_hash that does not match the name
      - sets a last check-in that is in the future to now
      - advances a sequence that is behind
      - does the housekeeping for dead masters

    --fix never deletes a build. On a terminal, the command asks before it repairs; elsewhere --fix
    needs --yes. Do not use --fix while a master is starting: a starting master looks dead.
    """
    from mastersctl.operations.doctor import find_problems

    if fix and not (yes or can_ask()):
        raise click.UsageError(
            "There is no terminal for the confirmation; pass --yes to repair problems."
        )

    def find() -> list[Problem]:
        with settings.progress("Checking"), settings.connect("read") as connector:
            return find_problems(connector, pending_age)

    problems = find()
    repaired: list[Repaired] | None = None
    if fix:
        kinds = {problem.kind for problem in problems if problem.fixable}
        if kinds and not yes:
            _announce([problem for problem in problems if problem.fixable])
            click.confirm("Go on?", abort=True, err=True)
        repaired = _repair(settings, kinds) if kinds else []
        problems = find() if kinds else problems
    _write(problems, repaired, format_)
    if problems:
        raise click.exceptions.Exit(_FOUND)


def _announce(problems: list[Problem]) -> None:
    """Report the problems that the command is about to repair."""
    for problem in problems:
        report(f"{problem.kind}: {problem.number} ({', '.join(problem.examples)})")
        report(f"  {problem.remedy}")


def _repair(settings: Settings, kinds: set[str]) -> list[Repaired]:
    from mastersctl.operations.doctor import HOUSEKEEPING
    from mastersctl.operations.repair import repair

    done: list[Repaired] = []
    with settings.progress("Repairing"), settings.connect("write") as connector:
        for repaired in repair(connector, kinds):
            report(f"Repaired {repaired.kind}: {repaired.number}")  # at once: the next one may fail
            done.append(repaired)
    if any(repaired.kind == HOUSEKEEPING for repaired in done):
        note_released()
    return done


def _write(problems: list[Problem], repaired: list[Repaired] | None, format_: str) -> None:
    if format_ == "json":
        from mastersctl.output.json import write_object

        found: dict[str, object] = {"problems": [_to_json(problem) for problem in problems]}
        if repaired is not None:
            found["mended"] = [{"kind": one.kind, "count": one.number} for one in repaired]
        write_object(found, sys.stdout)
    elif not problems:
        click.echo("no problem is left" if repaired else "no problem found")
    else:
        _write_problems(problems)


def _write_problems(problems: list[Problem]) -> None:
    """Write a description of each problem on a terminal, and a table elsewhere."""
    if not sys.stdout.isatty():
        from mastersctl.output.columns import Column
        from mastersctl.output.table import write

        columns = [Column(name, "number" if name == "COUNT" else "text") for name in _COLUMNS]
        rows = [
            (one.kind, one.number, ", ".join(one.examples), one.effect, one.remedy)
            for one in problems
        ]
        write(rows, columns, sys.stdout)
        return
    from mastersctl.output.description import write as write_description

    labels = [name.capitalize() for name in _COLUMNS]
    for number, one in enumerate(problems):
        if number:
            click.echo()
        values = ([one.kind], [str(one.number)], one.examples, [one.effect], [one.remedy])
        pairs = [*zip(labels, values, strict=True)]
        write_description(pairs, sys.stdout, prose=("Effect", "Remedy"))


def _to_json(problem: Problem) -> dict[str, object]:
    return {
        "kind": problem.kind,
        "count": problem.number,
        "examples": problem.examples,
        "effect": problem.effect,
        "remedy": problem.remedy,
        "fixable": problem.fixable,
    }
