"""Peewee, loaded without the database drivers.

``import peewee`` imports every installed driver, which can take twice as long as everything else
that a command does. So unless the program has imported Peewee already, this module loads a copy
without drivers. `mastersctl.database` imports the driver that a URL needs. The copy has another
name, so other modules still import the whole Peewee.
"""

import builtins
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

_DRIVERS = ("psycopg", "psycopg2", "psycopg2cffi", "pymysql", "MySQLdb", "pysqlite3")


def _import(name: str, *arguments: Any) -> Any:
    """Import a module for Peewee; raise ModuleNotFoundError if it is a driver."""
    if name.partition(".")[0] in _DRIVERS:
        raise ModuleNotFoundError(f"{name!r} is hidden from Peewee", name=name)
    return __import__(name, *arguments)


def _load() -> ModuleType:
    spec = None if "peewee" in sys.modules else find_spec("peewee")
    code = getattr(spec.loader, "get_code", lambda _: None)("peewee") if spec else None
    if spec is None or code is None:
        import peewee

        return peewee
    name = f"{__name__}.peewee"
    module = sys.modules[name] = ModuleType(name, "A copy of Peewee without drivers.")
    module.__file__ = spec.origin
    module.__builtins__ = vars(builtins) | {"__import__": _import}  # type: ignore[attr-defined]
    exec(code, vars(module))  # noqa: S102  # like an import
    return module


if TYPE_CHECKING:
    import peewee as peewee
else:
    peewee = _load()
