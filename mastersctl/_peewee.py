"""Peewee, imported without the database drivers.

``import peewee`` imports every driver that is installed, which can take twice as long as everything
else that a command does. The drivers are hidden from it; `mastersctl.database` imports the one that
a URL asks for.
"""

import sys

_DRIVERS = ("psycopg", "psycopg2", "psycopg2cffi", "pymysql", "MySQLdb", "pysqlite3")

_hidden = [driver for driver in _DRIVERS if driver not in sys.modules]
sys.modules.update(dict.fromkeys(_hidden))  # type: ignore[arg-type]  # None: "cannot be imported"
try:
    import peewee as peewee
finally:
    for _driver in _hidden:
        del sys.modules[_driver]
