"""How often the tests repeat what they repeat: a few times, or often, with ``--thorough``."""

from typing import ClassVar, NamedTuple


class Size(NamedTuple):
    """A number of repetitions: `small` by default, and `full`, which the documents quote."""

    small: int
    full: int

    @property
    def now(self) -> int:
        """The number for this run of the tests."""
        return self.full if Run.thorough else self.small


class Run:
    """This run of the tests; `tests.conftest` sets what its options say."""

    thorough: ClassVar[bool] = False


PROCESSES = Size(16, 64)  # at once
NEW_NAMES = Size(5, 20)
ROUNDS = Size(5, 50)
WRITES = Size(160, 2000)  # beside a master that runs
KILLS = Size(20, 200)  # at random moments of a change
INTERRUPTS = Size(4, 20)  # likewise, of a command that only looks
PROGRAMS = Size(100, 1500)  # that are made at random
STATEMENTS = Size(4, 1)  # executed between two kills of a change
CUTS = Size(8, 40)  # of a connection, in the answers to a command
SILENCES = Size(2, 5)  # of a server, likewise; each takes seconds
LIES = Size(8, 20)  # of a server, likewise
MANY_MASTERS = Size(2000, 20_000)  # beside one that runs
FILES = Size(1, 2)  # that hold each absurd configuration
LINES_OF_PROGRAMS = Size(5000, 20_000)  # of such a configuration
WIDTH_OF_PROGRAMS = Size(50_000, 200_000)  # of a line of it
MEASUREMENTS = Size(2, 4)  # of how long something takes, of which the least counts
EXAMPLES = Size(100, 2000)  # of Hypothesis
QUERIES = Size(50, 300)  # on each database
OPERATIONS = Size(10, 40)  # sequences of them
