"""All errors that a user may see, each with the exit code that scripts rely on.

The text of an error is one sentence: the problem, with the value given, and the next step.
"""

from collections.abc import Iterable, Sequence

_MAX_PARTS = 10  # in a sentence


class MastersctlError(Exception):
    """An operation was refused or failed; the database is unchanged, unless the message says so."""

    exit_code = 1


class BasedirError(MastersctlError):
    """A buildmaster's directory does not name its database in a way that can be read."""


class RefusedError(MastersctlError):
    """The operation would do harm; nothing was changed."""


class ClockError(MastersctlError):
    """The clocks of this host and the database server differ, so no check-in's age is certain."""


class ReplicationLagError(MastersctlError):
    """The database is a standby that is behind, so no check-in's age is certain."""


class InvalidValueError(MastersctlError):
    """A value on the command line or in the environment is invalid."""

    exit_code = 2


class NoSuchMasterError(MastersctlError):
    """No master has the ID or the name that was given."""

    exit_code = 3

    def __init__(
        self, master: int | str, called: int | None = None, meant: str | None = None
    ) -> None:
        """
        Parameters:
            called: the ID of the master with this name, but the name_hash of another name.
            meant: the name of the master that was probably meant.
        """
        given = f"ID {master}" if isinstance(master, int) else f"the name {master!r}"
        message = f"No master has {given}; 'mastersctl list' shows those that exist."
        self.hint: str | None = None
        """The hint alone, for output that reports the missing master in its own words."""
        if called is not None:
            message = self.hint = misnamed(str(master), called)
        elif meant is not None:
            message = f"No master has {given}. Did you mean {meant!r}?"
            self.hint = f"did you mean {meant!r} by {master!r}?"
        super().__init__(message)


class NoSuchLinkedError(MastersctlError):
    """Nothing that masters are linked to has the ID or the name that was given."""

    def __init__(self, kind: str, given: int | str, meant: str | None = None) -> None:
        """
        Parameters:
            kind: the kind of thing, such as ``change_source``.
            meant: the name of the thing that was probably meant.
        """
        named = f"ID {given}" if isinstance(given, int) else f"the name {given!r}"
        remedy = f"; 'mastersctl show MASTER' lists the {kind.replace('_', ' ')}s of a master."
        if meant is not None:
            remedy = f". Did you mean {meant!r}?"
        super().__init__(f"No {kind.replace('_', ' ')} has {named}{remedy}")


class InterruptedUpgradeError(MastersctlError):
    """An interrupted upgrade of Buildbot left rows of a table in a temporary table."""


class DatabaseUnavailableError(MastersctlError):
    """The database is unreachable, locked for longer than the timeout, or read-only."""

    exit_code = 4


class NotBuildbotDatabaseError(MastersctlError):
    """The database is not Buildbot's, or has no ``masters`` table yet."""

    exit_code = 5


def misnamed(name: str, id_: int) -> str:
    """Return the sentence about a master whose name was changed by hand."""
    return (
        f"Master {id_} has the name {name!r}, but the name_hash of another name, so Buildbot does "
        f"not find it by its name; 'mastersctl rename {id_} NAME' corrects that."
    )


def listed(names: Sequence[str]) -> str:
    """Join quoted names for a sentence; of many, only the first are named."""
    return joined([repr(name) for name in names])


def joined(parts: Sequence[str]) -> str:
    """Join the parts for a sentence; of many, only the first are named."""
    rest = len(parts) - _MAX_PARTS
    text = ", ".join(parts[:_MAX_PARTS])
    return f"{text} and {rest} more" if rest > 0 else text


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return the end of a message, which suggests the one of `words` that is most like `word`.

    It begins with a space, and is empty if no word is similar. Click asks the same for options.
    """
    from difflib import get_close_matches  # late: only a mistake needs it

    return "".join(f" Did you mean {match!r}?" for match in get_close_matches(word, words, n=1))
