"""IDs, one on each line; the other fields are left out.

On SQLite, a table that Buildbot did not create may have IDs that are not numbers. Such an ID is
escaped as in TSV, so that it stays on one line.
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import TextIO

from mastersctl.output.texts import filled, visibly
from mastersctl.output.tsv import escaped


def write(rows: Iterable[tuple[object, ...]], fields: Sequence[str], file: TextIO) -> None:
    write_ids(map(itemgetter(fields.index("id")), rows), file)


def write_ids(ids: Iterable[object], file: TextIO) -> None:
    """Write IDs, given as the database stores them."""
    to_texts = visibly(escaped) if file.isatty() else escaped
    for lines in filled("%s\n", ((id_,) for id_ in ids), ["id"], {"text": to_texts}):
        file.write("".join(lines))
