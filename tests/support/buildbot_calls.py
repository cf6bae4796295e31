"""A program that calls methods of a BuildMaster's services, without a configuration.

Its arguments are the URL of the database, the base directory, and the calls. The calls are JSON, a
list of [name, *arguments]. It prints the list of their results as a line of JSON.
"""

import dataclasses
import json
import operator
import sys
from typing import Any

from buildbot.config.master import MasterConfig
from buildbot.master import BuildMaster
from buildbot.util import in_reactor
from twisted.internet import defer


@in_reactor  # type: ignore[untyped-decorator]
@defer.inlineCallbacks
def call(url: str, basedir: str, calls: str) -> Any:
    master = BuildMaster(basedir)
    master.config = MasterConfig()
    master.config.db.db_url = url
    yield master.secrets_manager.setup()
    yield master.db.setup(check_version=False, verbose=False)
    yield master.mq.setup()
    results = []
    for name, *arguments in json.loads(calls):
        results.append((yield operator.attrgetter(name)(master)(*arguments)))
    yield master.db.pool.stop()
    print(json.dumps(results, default=_plain))
    return 0


def _plain(value: Any) -> Any:
    return str(value) if hasattr(value, "tzinfo") else dataclasses.asdict(value)


if __name__ == "__main__":
    sys.exit(call(*sys.argv[1:]))
