"""Every error that a user can meet, each with the exit code that scripts rely on.

The text of an error is one sentence: what is wrong, with the value that was given, and what to do.
"""

from collections.abc import Iterable, Sequence

_MAX_PARTS = 10  # in a sentence


class MastersctlError(Exception):
    """Refused or failed: the message says why; nothing was changed, unless it says so."""

    exit_code = 1


class BasedirError(MastersctlError):
    """A buildmaster's directory does not say, in so many words, where its database is."""


class RefusedError(MastersctlError):
    """The operation would do harm; nothing was changed."""


class ClockError(MastersctlError):
    """The clocks of this host and of the database server differ, so no master's age is known."""


class ReplicationLagError(MastersctlError):
    """The database is a copy that is behind, so no master's age is known."""


class InvalidValueError(MastersctlError):
    """A value on the command line or in the environment cannot be understood."""

    exit_code = 2


class NoSuchMasterError(MastersctlError):
    """No master has the ID or the name that was given."""

    exit_code = 3

    def __init__(
        self, master: int | str, called: int | None = None, meant: str | None = None
    ) -> None:
        """
        Parameters:
            called: the ID of the master that is called so, but has the name_hash of another name.
            meant: the name of the master that was probably meant.
        """
        given = f"ID {master}" if isinstance(master, int) else f"the name {master!r}"
        message = f"No master has {given}; 'mastersctl list' shows those that exist."
        self.hint: str | None = None
        """What may be so instead, for whoever says in other words that there is none."""
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
            kind: what it should be, such as ``change_source``.
            meant: the name of the one that was probably meant.
        """
        named = f"ID {given}" if isinstance(given, int) else f"the name {given!r}"
        remedy = "; 'mastersctl show MASTER' shows those of a master."
        if meant is not None:
            remedy = f". Did you mean {meant!r}?"
        super().__init__(f"No {kind.replace('_', ' ')} has {named}{remedy}")


class InterruptedUpgradeError(MastersctlError):
    """An upgrade of Buildbot's was interrupted, which left a table where it should not be."""


class DatabaseUnavailableError(MastersctlError):
    """The database cannot be reached, is locked for longer than the timeout, or is read-only."""

    exit_code = 4


class NotBuildbotDatabaseError(MastersctlError):
    """It is not a Buildbot database, or has no ``masters`` table yet."""

    exit_code = 5


def misnamed(name: str, id_: int) -> str:
    """Return the sentence about a master whose name was changed by hand."""
    return (
        f"Master {id_} is called {name!r}, but its name_hash is that of another name, by which "
        f"Buildbot finds masters; 'mastersctl rename {id_} NAME' mends that."
    )


def listed(names: Sequence[str]) -> str:
    """Return the names as a sentence has them, quoted; of many only the first."""
    return joined([repr(name) for name in names])


def joined(parts: Sequence[str]) -> str:
    """Return the parts as a sentence has them; of many only the first."""
    rest = len(parts) - _MAX_PARTS
    text = ", ".join(parts[:_MAX_PARTS])
    return f"{text} and {rest} more" if rest > 0 else text


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return a question after the one of `words` that is most like `word`, to end a message with.

    It begins with a space, and is empty where none is like it. Click asks the same of options.
    """
    from difflib import get_close_matches  # late: only a mistake needs it

    return "".join(f" Did you mean {match!r}?" for match in get_close_matches(word, words, n=1))
