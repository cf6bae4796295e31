"""Words that are typed by instinct: hints at the command, option or argument that is meant."""

import re

import pytest

from mastersctl.cli import words
from mastersctl.cli.group import cli
from tests.support.commands import mastersctl
from tests.support.databases import SqliteFile
from tests.support.rows import add_master


def error(arguments: str) -> str:
    """Return what is said of a command line that is wrong."""
    result = mastersctl(*arguments.split(" "))
    assert (result.code, result.out) == (2, "")
    *_, last = result.err.splitlines()
    return last.removeprefix("Error: ")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("ls", "list"),
        ("get", "list' or 'mastersctl show MASTER"),
        ("rm", "remove MASTER"),
        ("delete", "remove MASTER"),
        ("mv", "rename MASTER NAME"),
        ("describe", "show MASTER"),
        ("status", "check' or 'mastersctl list"),
        ("health", "check"),
        ("cleanup", "housekeep"),
        ("clean_up", "housekeep"),
        ("prune", "remove MASTER' or 'mastersctl housekeep"),
        ("gc", "housekeep"),
        ("help", "--help' or 'mastersctl COMMAND --help"),
        ("version", "--version"),
        ("top", "list --watch"),
        ("delete-master", "remove MASTER"),
        ("fsck", "doctor"),
        ("grep", "list --filter name__contains=TEXT"),
        ("7", "show 7"),
        ("vm:/srv/m1", "show vm:/srv/m1"),
        ("vm:$(reboot)", "show MASTER"),
    ],
)
def test_a_word_of_another_tool_is_answered_with_the_command_that_is_meant(
    word: str, meant: str
) -> None:
    assert error(word) == f"There is no command {word!r}; run 'mastersctl {meant}'."
    assert error(f"{word} m1") == error(word)


def test_a_word_of_buildbots_is_answered_with_its_command() -> None:
    said = "There is no command 'restart' in mastersctl; run 'buildbot restart DIR'."
    assert error("restart /srv/bb") == said


def test_every_answer_is_a_command_with_options_that_it_has() -> None:
    every = [word for words_ in words._COMMANDS.values() for word in words_.split()]
    every += [word for words_ in words._BUILDBOTS.values() for word in words_.split()]
    assert len(every) == len({*every})
    assert not {*every} & {*cli.commands}
    for answers in words._COMMANDS:
        for name, *rest in map(str.split, answers):
            if name.startswith("-") or name == "COMMAND":
                continue
            known = {option for one in cli.commands[name].params for option in one.opts}
            assert {word for word in rest if word.startswith("-")} <= known, name
    for written, others in words._OPTIONS.items():
        assert any(words._has(command, written) for command in (cli, *cli.commands.values()))
        assert len(others.split()) == len({*others.split()}), written
    for remedies in words._REMEDIES.values():
        assert {*remedies} <= {*cli.commands}
    assert {*words._ONE_ONLY} <= {*cli.commands}


def test_a_directory_or_a_url_is_answered_with_its_option() -> None:
    assert "; write '--basedir /srv/bb' before or after a command" in error("/srv/bb")
    assert "; write '--basedir .' before or after a command" in error(". list")
    assert error("list /srv/bb").endswith("'/srv/bb'; write '--basedir /srv/bb'.")
    assert error("init $(reboot)/").endswith("see 'mastersctl init --help'.")
    for arguments in ("postgresql://bb:secret@h/bb list", "list postgresql://bb:secret@h/bb"):
        assert "write '--db-url URL'" in error(arguments)
        assert "secret" not in error(arguments)


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ("list --json", "write '-o json'."),
        ("show 1 --json", "write '-o json'."),
        ("list --all", "leave it out: the command lists all masters."),
        ("list -a", "leave it out: the command lists all masters."),
        ("show --all", "run 'mastersctl list' to see all masters."),
        ("list --dry-run", "leave it out: the command changes nothing."),
        ("doctor --dry-run", "leave it out: the command changes nothing without --fix."),
        ("list --state active", "write '--filter state=STATE'."),
        ("list --id 7", "write '--filter id=ID'."),
        ("list --sort name", "write '--order FIELD'."),
        ("list -n 5", "write '--limit N'."),
        ("list -l", "write '-o wide'."),
        ("list -q", "write '-o id'."),
        ("remove -n 1", "write '--dry-run'."),
        ("remove -f 1", "write '--yes'."),
        ("housekeep -f 1", "write '--force'."),
        ("list --version", "run 'mastersctl --version'."),
        ("list -V", "run 'mastersctl --version'."),
        ("show --name m1", "write MASTER without an option."),
        ("housekeep --id 1", "write MASTER without an option."),
        ("find --name m1", "write NAME without an option."),
        ("show --watch 1", "'mastersctl list' has it."),
        ("rename a b --stale", "'mastersctl list' has it."),
        ("show --yes 1", "'mastersctl doctor', 'mastersctl expire-all' and 'mastersctl remove' "
                         "have it."),
    ],
)  # fmt: skip
def test_an_option_that_a_command_lacks_is_answered_with_what_is_meant(
    arguments: str, remedy: str
) -> None:
    command = arguments.split()[0]
    assert re.fullmatch(
        rf"The command '{command}' has no option '--?[\w-]+'; {re.escape(remedy)}",
        error(arguments),
    )


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (
            "-o json list",
            "before the command; write it after the command: 'mastersctl COMMAND -o'.",
        ),
        (
            "--stale list",
            "before the command; write it after the command: 'mastersctl COMMAND --stale'.",
        ),
        ("--json list", "; write '-o json' after the command."),
        ("--list", "; run 'mastersctl list'."),
        ("--all", "; run 'mastersctl list'."),
        ("--debug list", "; write '-v'."),
    ],
)
def test_an_option_before_the_command_is_answered_with_its_place(
    arguments: str, remedy: str
) -> None:
    (option,) = (word for word in arguments.split() if word.startswith("-"))
    assert error(arguments).replace("; ", " ; ").split() == (
        f"There is no option {option!r} {remedy}".replace("; ", " ; ").split()
    )


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ("list m1", "; run 'mastersctl show m1' or 'mastersctl list --filter name=m1'."),
        ("list a b", "; run 'mastersctl show MASTER' or 'mastersctl list --filter name=NAME'."),
        ("list stale", "; write '--stale'."),
        ("list masters", "; leave it out."),
        ("doctor fix", "; write '--fix'."),
        ("show A B", "or run 'mastersctl list --filter name=A --filter name=B'."),
        ("find a b", "takes no argument 'b' after one NAME; run it for each."),
        ("rename a b c", "quote a name with spaces."),
        ("set-state a active b", "run it for each master."),
        ("expire-all m1", "run 'mastersctl housekeep MASTER' for one."),
        ("doctor m1", "; see 'mastersctl doctor --help'."),
    ],
)
def test_an_argument_too_many_is_answered_with_what_is_meant(arguments: str, remedy: str) -> None:
    command = arguments.split()[0]
    assert error(arguments).startswith(f"The command {command!r} takes no argument ")
    assert error(arguments).endswith(remedy)


def test_check_says_the_same_in_its_line(sqlite_database: SqliteFile) -> None:
    add_master(sqlite_database, "m")
    for arguments, remedy in (("--json", "write '-o json'."), ("-w 5", "write '--max-age AGE'.")):
        result = sqlite_database.run("check", *arguments.split())
        assert (result.code, result.err) == (3, "")
        assert result.out.startswith("MASTERS UNKNOWN - The command 'check' has no option ")
        assert result.out.endswith(f"; {remedy}\n")


def test_a_hint_changes_nothing(sqlite_database: SqliteFile) -> None:
    add_master(sqlite_database, "m")
    for arguments in ("rm m", "delete 1", "mv m n", "gc", "fix", "deactivate m", "add n", "reset"):
        assert sqlite_database.run(*arguments.split()).code == 2
    assert sqlite_database.run("list", "-o", "csv").out.count("\n") == 2
