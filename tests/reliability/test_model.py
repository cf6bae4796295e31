"""Random sequences of operations, compared with a model of what the specification says."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.support.databases import RealDatabase, make_room_for_all_names
from tests.support.hostile import HOSTILE
from tests.support.sizes import OPERATIONS

BUILDERS = ["b1", "b2", "b3"]
NAMES = st.sampled_from(HOSTILE) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1
)
AGES = [0, 300, 590, 610, 3600, 10**6]  # seconds, none so near to ten minutes that it may change


@dataclass
class Master:
    """A master as the specification describes it.

    Attributes:
        checked_in: between which two moments, epoch seconds; None for "a long time ago".
        builders: the links of builders to it.
    """

    name: str
    active: bool
    checked_in: tuple[int, int] | None
    builders: set[str] = field(default_factory=set)

    @property
    def state(self) -> str:
        if not self.active:
            return "inactive"
        if self.checked_in is None:
            return "expired"
        return "active" if self.checked_in[0] > time.time() - 600 else "stale"


class Operations(RuleBasedStateMachine):
    """Does what a rule says to the database and to the model."""

    database: ClassVar[RealDatabase]

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[int, Master] = {}

    def call(self, command: str, *arguments: object, code: int = 0) -> Any:
        result = type(self).database.run(command, "-o", "json", "--", *arguments)
        assert result.code == code, result
        return result.json if code == 0 else None

    def pick(self, data: st.DataObject) -> tuple[int, object]:
        """Return the ID of one of the masters, and one of the ways to name it."""
        id_ = data.draw(st.sampled_from(sorted(self.model)))
        name = self.model[id_].name
        numeric = name.isascii() and name.isdigit()  # and so an ID, where it might be either
        return id_, id_ if numeric or data.draw(st.booleans()) else name

    @initialize()
    def empty(self) -> None:
        for table in ("builder_masters", "masters"):
            type(self).database.execute(f"DELETE FROM {table}")

    @rule(name=NAMES)
    def find(self, name: str) -> None:
        before = int(time.time())
        found = self.call("find", name)
        known = [id_ for id_, master in self.model.items() if master.name == name]
        assert found == {"id": known[0] if known else found["id"], "created": not known}
        if not known:
            assert found["id"] not in self.model
            self.model[found["id"]] = Master(name, False, (before, int(time.time())))

    @precondition(lambda self: self.model)
    @rule(data=st.data(), active=st.booleans())
    def set_state(self, data: st.DataObject, active: bool) -> None:
        id_, reference = self.pick(data)
        master = self.model[id_]
        before = int(time.time())
        done = self.call("set-state", reference, "active" if active else "inactive")
        deleted = {} if active else {"links_deleted": len(master.builders)}
        assert done == {"id": id_, "active": active, "changed": master.active != active} | deleted
        master.active = active
        if active:
            master.checked_in = (before, int(time.time()))
        else:
            master.builders.clear()

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def show(self, data: st.DataObject) -> None:
        id_, reference = self.pick(data)
        shown = self.call("show", reference)
        master = self.model[id_]
        assert (shown["id"], shown["name"], shown["state"]) == (id_, master.name, master.state)
        assert {builder["name"] for builder in shown["links"]["builders"]} == master.builders

    @rule(name=NAMES)
    def show_what_may_not_be_there(self, name: str) -> None:
        known = any(master.name == name for master in self.model.values())
        numeric = name.isascii() and name.isdigit()
        if not numeric:
            self.call("show", name, code=0 if known else 3)
        self.call("set-state", max(self.model, default=0) + 1, "active", code=3)

    @rule()
    def expire_all(self) -> None:
        assert self.call("expire-all") == {"expired": len(self.model)}
        for master in self.model.values():
            master.active = True
            master.checked_in = None

    @precondition(lambda self: self.model)
    @rule(data=st.data(), age=st.sampled_from(AGES))
    def time_passes(self, data: st.DataObject, age: int) -> None:
        id_, _ = self.pick(data)
        then = int(time.time()) - age
        type(self).database.execute("UPDATE masters SET last_active = ? WHERE id = ?", [then, id_])
        self.model[id_].checked_in = (then, then)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), builder=st.sampled_from(range(len(BUILDERS))))
    def a_master_starts_with_a_builder(self, data: st.DataObject, builder: int) -> None:
        id_, _ = self.pick(data)
        if BUILDERS[builder] not in self.model[id_].builders:
            self.model[id_].builders.add(BUILDERS[builder])
            type(self).database.execute(
                "INSERT INTO builder_masters (builderid, masterid) VALUES (?, ?)", [builder, id_]
            )

    @invariant()
    def all_are_listed(self) -> None:
        fields = ("id", "name", "active", "last_active", "state")
        options = [part for name in fields for part in ("--field", name)]
        listed = type(self).database.run("list", "-o", "json", *options).json
        assert [master["id"] for master in listed] == sorted(self.model)
        for found in listed:
            master = self.model[found["id"]]
            assert (found["name"], found["active"]) == (master.name, master.active)
            assert found["state"] == master.state
            seconds = int(datetime.fromisoformat(found["last_active"]).timestamp())
            earliest, latest = master.checked_in or (0, 0)
            assert earliest <= seconds <= latest


def test_random_operations_do_what_the_specification_says(buildbot_database: RealDatabase) -> None:
    make_room_for_all_names(buildbot_database)
    for number, name in enumerate(BUILDERS):
        buildbot_database.execute(
            "INSERT INTO builders (id, name, name_hash) VALUES (?, ?, ?)", [number, name, name]
        )
    machine = type("On", (Operations,), {"database": buildbot_database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=OPERATIONS.now,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        ),
    )
