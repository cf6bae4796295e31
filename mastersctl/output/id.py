r"""IDs, one a line; the other fields are left out.

An ID that is no number, which a table on SQLite can hold that is not Buildbot's, is written as in
TSV: each is one line, so that none is taken for two.
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import TextIO

from mastersctl.output.texts import filled, visibly
from mastersctl.output.tsv import escaped


def write(rows: Iterable[tuple[object, ...]], fields: Sequence[str], file: TextIO) -> None:
    write_ids(map(itemgetter(fields.index("id")), rows), file)


def write_ids(ids: Iterable[object], file: TextIO) -> None:
    """Write the IDs, as the database holds them."""
    to_texts = visibly(escaped) if file.isatty() else escaped
    for lines in filled("%s\n", ((id_,) for id_ in ids), ["id"], {"text": to_texts}):
        file.write("".join(lines))
