"""Hints for a command, an option or an argument that does not exist.

The words are those of other tools: git, kubectl, docker, psql, patronictl, buildbot. A hint runs
nothing. Only a wrong command line imports this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from mastersctl.cli.group import cli
from mastersctl.errors import did_you_mean
from mastersctl.text import enumerated

_COMMANDS = {
    ("list",): "all cluster dir l ll ls master masters nodes overview ps",
    ("list", "show MASTER"): "cat display g get print read select view",
    ("list --active",): "active running",
    ("list --inactive",): "inactive",
    ("list --stale",): "dead stale",
    ("list --needs-housekeeping",): "needs-housekeeping",
    ("list --watch",): "follow monitor tail top watch",
    ("list --filter name__contains=TEXT",): "filter grep search",
    ("list -o json",): "dump export json",
    ("list -o wide", "show MASTER"): "builders builds claims links schedulers stats workers",
    ("list -v",): "config connect database db env psql shell sql sqlite url where",
    ("show MASTER",): "desc describe detail details info inspect",
    ("find NAME",): "add ensure id insert lookup register resolve",
    ("find NAME", "init"): "create new",
    ("init",): "bootstrap createdb initdb initialise initialize setup",
    ("remove MASTER",): "del delete destroy drop erase forget rm unregister",
    ("remove MASTER --reassign-to MASTER",): "inherit merge reassign replace transfer",
    ("remove MASTER", "housekeep"): "prune purge",
    (
        "housekeep",
    ): "clean cleanup clean-up failover gc hk reap recover release sweep takeover tidy "
    "unclaim vacuum",
    ("housekeep MASTER --force",): "kill",
    ("rename MASTER NAME",): "move mv relabel ren",
    ("rename MASTER NAME", "set-state MASTER STATE"): "alter change edit modify patch set update",
    (
        "set-state MASTER active",
    ): "activate checkin check-in enable mark-active set-active resume uncordon unpause up",
    ("set-state MASTER inactive",): "cordon deactivate disable down drain mark-inactive pause "
    "set-inactive",
    ("expire-all", "housekeep"): "expire reset",
    ("doctor",): "analyse analyze audit diagnose dr fsck integrity lint validate verify",
    ("doctor", "doctor --fix"): "fix heal mend repair",
    ("check",): "alive count health healthcheck healthz nagios ping probe ready summary test",
    ("check", "list"): "st stat state status",
    ("check -o prometheus",): "metrics prometheus",
    ("completion SHELL",): "autocomplete bash complete completions fish zsh",
    ("--help",): "? commands h man usage",
    ("--help", "COMMAND --help"): "help",
    ("--version",): "about ver version",
}
"""The commands to suggest instead of a word."""
_BUILDBOTS = {
    "checkconfig": "checkconfig",
    "cleanupdb": "cleanupdb",
    "create-master": "create-master",
    "reconfig": "reconfig reload",
    "restart": "restart",
    "start": "start",
    "stop": "stop",
    "upgrade-master": "migrate upgrade upgrade-master",
}
"""The commands of Buildbot to suggest instead of a word."""

_OPTIONS = {
    "-o wide": "--details --long -l",
    "-o FORMAT": "--fmt --format --output-format -F",
    "-o id": "--ids --quiet -q",
    "-v": "--debug -d",
    "--yes": "--assume-yes --force --no-confirm --no-input --noconfirm -R -f -r -y",
    "--force": "-f",
    "--dry-run": "--check --noop --pretend --simulate --what-if --whatif -n -s",
    "--watch": "--follow --live --monitor -f -w",
    "--order FIELD": "--order-by --reverse --sort --sort-by -S -r -s -t",
    "--limit N": "--count --head --max --top -n",
    "--field NAME": "--column --columns --select -c",
    "--filter FIELD=VALUE": "--grep --query --search --selector --where",
    "--filter id=ID": "--id",
    "--filter name=NAME": "--master --name -m",
    "--filter state=STATE": "--state --status",
    "--filter state=expired": "--expired",
    "--stale": "--dead",
    "--newer-than AGE": "--after --since",
    "--older-than AGE": "--age --before --max-age --until",
    "--max-age AGE": "--age --older-than --warning -w",
    "--min-active N": "--critical --min --minimum -c",
    "--reassign-to MASTER": "--heir --into --reassign --to",
    "--fix": "--mend --repair",
    "--db-url URL": "--database --db --dsn --uri --url -D -U -d -u",
    "--basedir DIR": "--dir --directory -C -D -b -d",
    "--config FILE": "--cfg --config-file -c",
    "--timeout SECONDS": "--wait -t -w",
}
"""The options to suggest instead of others; the first that the command has counts."""
_ALL = ("--all", "--everything", "-A", "-a")
_REMEDIES = {
    _ALL: {
        "list": "leave it out: the command lists all masters",
        "show": "run 'mastersctl list' to see all masters",
        "check": "leave it out: without MASTER, the command checks all masters",
        "doctor": "leave it out: the command checks everything",
        "housekeep": "leave it out: without MASTER, the command cleans up after all dead masters",
        "remove": "name the masters, as 'mastersctl list --inactive -o id | xargs mastersctl "
        "remove --yes' does",
        "expire-all": "leave it out: the command expires all masters",
    },
    ("--dry-run",): {
        "list": "leave it out: the command changes nothing",
        "show": "leave it out: the command changes nothing",
        "check": "leave it out: the command changes nothing",
        "completion": "leave it out: the command changes nothing",
        "doctor": "leave it out: the command changes nothing without --fix",
        "init": "leave it out: the command only adds a missing table",
    },
    ("--version", "-V"): dict.fromkeys(cli.commands, "run 'mastersctl --version'"),
}
"""The remedies for options that some commands lack."""
_NAMES = ("--id", "--master", "--name", "-m")  # options that mean an argument

_PLAIN = r"[\w.:/@+~-]{1,200}"  # no shell expands or splits it
_EXTRA = "Got unexpected extra argument"  # the start of Click's message; the error has no more
_ONE_ONLY = {
    "show": "one MASTER; run it for each, or run 'mastersctl list --filter name=A --filter name=B'",
    "find": "one NAME; run it for each",
    "rename": "one MASTER and one NAME; quote a name with spaces",
    "set-state": "one MASTER and one state; run it for each master",
    "completion": "one shell; run it for each",
}
"""The arguments after which a command takes no more, and the remedy."""


def answered(error: click.UsageError) -> click.UsageError:
    """Return the error with a hint for the wrong command line, if there is one."""
    message: str | None = None
    context = error.ctx
    if isinstance(error, click.NoSuchCommand):
        message = _of_command(error.command_name)
    elif context is None:
        pass
    elif isinstance(error, click.NoSuchOption):
        message = _of_option(error.option_name, context.command, bool(error.possibilities))
    elif error.message.startswith(_EXTRA):
        words = error.message.partition("(")[2].rpartition(")")[0]
        message = _of_argument(words, context.command)
    return error if message is None else click.UsageError(message, context)


def _of_command(given: str) -> str:
    none = f"There is no command {given!r}"
    word = given.lower().replace("_", "-")
    for answer, words in _BUILDBOTS.items():
        if word in words.split():
            return f"{none} in mastersctl; run 'buildbot {answer} DIR'."
    word = re.sub("-masters?$", "", word)
    for answers, words in _COMMANDS.items():
        if word in words.split():
            return f"{none}; run {_commands(answers)}."
    place = _place(given)
    if place:
        return f"{none}; write '{place}' before or after a command, such as 'list'."
    if ":" in given or given.isdecimal():
        return f"{none}; run 'mastersctl show {_plain(given, 'MASTER')}'."
    meant = did_you_mean(word, cli.commands)
    return f"{none}.{meant}" if meant else f"{none}; 'mastersctl --help' lists the commands."


def _of_option(name: str, command: click.Command, is_like_another: bool) -> str | None:
    """Return the message for an option; None if Click's is enough."""
    if command is cli:
        return _of_option_before(name)
    none = f"The command {command.name!r} has no option {name!r}"
    for names, remedies in _REMEDIES.items():
        if name in names and command.name in remedies:
            return f"{none}; {remedies[command.name]}."
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    if name in _NAMES and arguments:
        return f"{none}; write {arguments[0].human_readable_name.strip('[].')} without an option."
    for option in _instead(name):
        if _has(command, option):
            return f"{none}; write '{option}'."
    if is_like_another:
        return None
    owners = [f"mastersctl {owner}" for owner, other in cli.commands.items() if _has(other, name)]
    return f"{none}; {enumerated([*map(repr, owners)])} {_have(owners)}." if owners else None


def _of_option_before(name: str) -> str | None:
    """Return the message for an option before the command."""
    none = f"There is no option {name!r}"
    if any(_has(command, name) for command in cli.commands.values()):
        return (
            f"{none} before the command; write it after the command: 'mastersctl COMMAND {name}'."
        )
    word = name.lstrip("-")
    if word in cli.commands:
        return f"{none}; run 'mastersctl {word}'."
    for option in _instead(name):
        if _has(cli, option):
            return f"{none}; write '{option}'."
        if any(_has(command, option) for command in cli.commands.values()):
            return f"{none}; write '{option}' after the command."
    return f"{none}; run 'mastersctl list'." if name in _ALL else None


def _of_argument(words: str, asked: click.Command) -> str:
    """Return the message for the arguments, in one text, that a command does not take."""
    command = asked.name or ""
    takes = f"The command {command!r} takes no argument {words!r}"
    place = _place(words)
    if place:
        return f"{takes}; write '{place}'."
    if _has(asked, f"--{words}"):
        return f"{takes}; write '--{words}'."
    if command in _ONE_ONLY:
        return f"{takes} after {_ONE_ONLY[command]}."
    if command == "list":
        if words in ("all", "master", "masters"):
            return f"{takes}; leave it out."
        show, filter_ = f"show {_plain(words, 'MASTER')}", f"name={_plain(words, 'NAME')}"
        return f"{takes}; run {_commands((show, f'list --filter {filter_}'))}."
    if command == "expire-all":
        return (
            f"{takes}, because it expires all masters; run 'mastersctl housekeep MASTER' for one."
        )
    return f"{takes}; see 'mastersctl {command} --help'."


def _place(given: str) -> str | None:
    """Return the option for a word that is a database URL or a directory; None for others."""
    if "://" in given:
        return "--db-url URL"
    is_path = given in (".", "..") or given.startswith(("/", "./", "../", "~"))
    return f"--basedir {_plain(given, 'DIR')}" if is_path else None


def _plain(given: str, otherwise: str) -> str:
    """Return the given word if it can be pasted into a shell, or else its placeholder."""
    return given if re.fullmatch(_PLAIN, given) else otherwise


def _instead(name: str) -> Iterator[str]:
    """Yield the options to suggest instead of an option; a command may lack them."""
    for option, names in _OPTIONS.items():
        if name in names.split():
            yield option
    yield f"-o {name.removeprefix('--')}"  # the option may be named like a format


def _has(command: click.Command, written: str) -> bool:
    """Return whether a command has an option, and accepts its value if that is in lower case."""
    option, _, value = written.partition(" ")
    for one in command.params:
        if option in one.opts:
            choices = one.type.choices if isinstance(one.type, click.Choice) else ()
            return not (choices and value.islower()) or value in choices
    return False


def _commands(answers: tuple[str, ...]) -> str:
    return enumerated([f"'mastersctl {answer}'" for answer in answers], "or")


def _have(owners: list[str]) -> str:
    return "has it" if len(owners) == 1 else "have it"
