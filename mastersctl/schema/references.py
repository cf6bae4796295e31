"""The foreign keys of Buildbot's tables, whether a database declares them or not."""

from collections.abc import Iterator
from typing import NamedTuple


class ForeignKey(NamedTuple):
    """A column that refers to the rows of another table.

    Attributes:
        parent: the other table.
        key: the column of the other table.
    """

    table: str
    column: str
    parent: str
    key: str = "id"


_KEYS = {
    "build_data": {"buildid": "builds"},
    "build_properties": {"buildid": "builds"},
    "builder_masters": {"builderid": "builders", "masterid": "masters"},
    "builders": {"projectid": "projects"},
    "builders_tags": {"builderid": "builders", "tagid": "tags"},
    "buildrequest_claims": {"brid": "buildrequests", "masterid": "masters"},
    "buildrequests": {"buildsetid": "buildsets", "builderid": "builders"},
    "builds": {
        "builderid": "builders", "buildrequestid": "buildrequests", "workerid": "workers",
        "masterid": "masters",
    },
    "buildset_properties": {"buildsetid": "buildsets"},
    "buildset_sourcestamps": {"buildsetid": "buildsets", "sourcestampid": "sourcestamps"},
    "buildsets": {"parent_buildid": "builds", "rebuilt_buildid": "builds"},
    "change_files": {"changeid": "changes"},
    "change_properties": {"changeid": "changes"},
    "change_users": {"changeid": "changes", "uid": "users"},
    "changes": {"sourcestampid": "sourcestamps"},
    "changesource_masters": {"changesourceid": "changesources", "masterid": "masters"},
    "codebase_branches": {"codebaseid": "codebases", "commitid": "codebase_commits"},
    "codebase_commits": {"codebaseid": "codebases", "parent_commitid": "codebase_commits"},
    "codebases": {"projectid": "projects"},
    "configured_workers": {"buildermasterid": "builder_masters", "workerid": "workers"},
    "connected_workers": {"masterid": "masters", "workerid": "workers"},
    "logs": {"stepid": "steps"},
    "object_state": {"objectid": "objects"},
    "scheduler_changes": {"schedulerid": "schedulers", "changeid": "changes"},
    "scheduler_masters": {"schedulerid": "schedulers", "masterid": "masters"},
    "sourcestamps": {"patchid": "patches"},
    "steps": {"buildid": "builds"},
    "test_code_paths": {"builderid": "builders"},
    "test_names": {"builderid": "builders"},
    "test_result_sets": {"builderid": "builders", "buildid": "builds", "stepid": "steps"},
    "test_results": {
        "builderid": "builders", "test_result_setid": "test_result_sets",
        "test_nameid": "test_names", "test_code_pathid": "test_code_paths",
    },
    "users_info": {"uid": "users"},
}  # fmt: skip
_NAMED_KEYS = {"changes": "changeid", "users": "uid"}  # their column is not called "id"
MAY_DANGLE = {("changes", "parent_changeids")}
"""The columns whose references Buildbot itself breaks, by ``changeHorizon``."""


def _foreign_keys() -> Iterator[ForeignKey]:
    for table, columns in _KEYS.items():
        for column, parent in columns.items():
            yield ForeignKey(table, column, parent, _NAMED_KEYS.get(parent, "id"))


FOREIGN_KEYS = tuple(_foreign_keys())
"""All except `MAY_DANGLE` and that of ``logchunks``: huge, and never read without its log."""
TABLES = tuple(sorted({name for key in FOREIGN_KEYS for name in (key.table, key.parent)}))
"""The tables that have a foreign key, or that a foreign key refers to."""
