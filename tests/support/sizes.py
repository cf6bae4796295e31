"""The numbers of repetitions in tests: small by default, and full with ``--thorough``."""

from typing import ClassVar, NamedTuple


class Size(NamedTuple):
    """A number of repetitions: `small` by default; `full`, which the documents quote."""

    small: int
    full: int

    @property
    def now(self) -> int:
        """The number for this run of the tests."""
        return self.full if Run.thorough else self.small


class Run:
    """The options of this run, which `tests.conftest` sets."""

    thorough: ClassVar[bool] = False


PROCESSES = Size(16, 64)  # at once
NEW_NAMES = Size(5, 20)
ROUNDS = Size(5, 50)
WRITES = Size(160, 2000)  # beside a running master
KILLS = Size(20, 200)  # at random moments of a change
INTERRUPTS = Size(4, 20)  # at random moments of a command that only reads
PROGRAMS = Size(100, 1500)  # made at random
STATEMENTS = Size(4, 1)  # between two kills of a change
CUTS = Size(8, 40)  # of a connection, within the answers to a command
SILENCES = Size(2, 5)  # of a server, within its answers; each takes seconds
LIES = Size(8, 20)  # of a server, within its answers
MANY_MASTERS = Size(2000, 20_000)  # beside a running one
FILES = Size(1, 2)  # with each absurd configuration
LINES_OF_PROGRAMS = Size(5000, 20_000)  # of an absurd configuration
WIDTH_OF_PROGRAMS = Size(50_000, 200_000)  # of a line of an absurd configuration
MEASUREMENTS = Size(2, 4)  # of a duration; the least one counts
EXAMPLES = Size(100, 2000)  # of Hypothesis
QUERIES = Size(50, 300)  # on each database
OPERATIONS = Size(10, 40)  # sequences of them
