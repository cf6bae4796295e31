"""Peewee, loaded without the database drivers.

``import peewee`` imports every driver that is installed, which can take twice as long as everything
else that a command does. So unless the program has imported it already, this is a copy of its own,
which finds no driver; `mastersctl.database` imports the one that a URL asks for. Whoever else
imports Peewee gets it whole: the copy has another name, and nothing is hidden from others.
"""

import builtins
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

_DRIVERS = ("psycopg", "psycopg2", "psycopg2cffi", "pymysql", "MySQLdb", "pysqlite3")


def _import(name: str, *arguments: Any) -> Any:
    """Import a module for Peewee, unless it is a driver's."""
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
    exec(code, vars(module))  # noqa: S102  # as an import does
    return module


if TYPE_CHECKING:
    import peewee as peewee
else:
    peewee = _load()
