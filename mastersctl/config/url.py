"""Parses database URLs as SQLAlchemy does, and therefore as a ``master.cfg`` has them."""

import os
import re
from collections.abc import Iterator, Mapping

from mastersctl.errors import InvalidValueError
from mastersctl.values import is_storable

BACKENDS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}

_URL = re.compile(
    r"(?P<scheme>[\w+]+)://"
    r"(?:(?P<user>[^:/]*)(?::(?P<password>[^@]*))?@)?"
    r"(?:\[(?P<ipv6>[^/?]+)\]|(?P<host>[^/:?]+))?"
    r"(?::(?P<port>[^/?]*))?"
    r"(?:/(?P<database>[^?]*))?"
    r"(?:\?(?P<query>.*))?",
    re.DOTALL,
)
_PERCENT = r"%(?:%|\(basedir\)s)?"
_PERCENTS = {"%%": "%", "%(basedir)s": None}  # Buildbot applies the operator %
_SQLITE_PARAMETERS = {  # of Buildbot and of Python's driver; none selects the database
    "cached_statements",
    "check_same_thread",
    "detect_types",
    "isolation_level",
    "serialize_access",
    "timeout",
}
REFUSED = {  # parameters of libpq; another user may have written the configuration
    "hostaddr": "gives the password of one host to another",
    "sslkeylogfile": "writes the keys of the connection to a file",
}
_MAX_PATH = 4096  # bytes, Linux's PATH_MAX; it also bounds the cost of following links
_CONFIDENTIAL = "(?i)password|secret|scram"
_SHOWN = (  # parameters that select the database
    "user",
    "host",
    "port",
    "dbname",
    "service",
    "servicefile",
    "options",
    "target_session_attrs",
    "load_balance_hosts",
    "unix_socket",
    "read_default_file",
    "read_default_group",
)
_AMBIGUOUS = ("user", "port", "dbname")  # a simple password may equal one of them
_EXAMPLES = "'sqlite:///state.sqlite' or 'postgresql://user:password@host/database'"


class DatabaseURL:
    """A parsed database URL, whose text and representation never show a password.

    Attributes:
        backend: ``sqlite``, ``postgresql`` or ``mysql`` (MariaDB, too), with any driver.
        database: the absolute path of an SQLite file, or the name of a database on a server.
        host, port, user, password: the server and the account, or None where the URL has none.
        parameters: the query of the URL, in its order.
        parts: the driver's arguments, by libpq's names.
    """

    def __init__(
        self, text: str, basedir: str, connect_args: Mapping[str, str | None] | None = None
    ) -> None:
        """Parse `text`; relative SQLite paths and ``%(basedir)s`` start in `basedir`.

        Parameters:
            connect_args: further arguments of a server's driver, by the names of parameters. They
                override the URL; None removes a part of it.

        Raises:
            InvalidValueError: the URL is malformed, or its database is unsupported or impossible.
        """
        match = _URL.fullmatch(text)
        if match is None:  # without the text, which may hold a password
            raise InvalidValueError(
                f"The database URL cannot be parsed; write it like {_EXAMPLES}."
            )
        scheme = scheme_of(text)
        if scheme not in BACKENDS:
            raise InvalidValueError(  # without the scheme, which may be a misplaced password
                "The database URL starts with none of "
                f"{', '.join(f'{known}://' for known in BACKENDS)}."
            )
        self.backend = BACKENDS[scheme]
        self.user = _unquoted(match["user"])
        self.password = _unquoted(match["password"])
        self.host = match["ipv6"] or match["host"]
        self.port = match["port"]
        self.database = _unquoted(match["database"]) or ""
        self.parameters = _parsed(match["query"] or "")
        self._connect_args = connect_args or {}
        self._secrets = {match["password"], self.password}
        self._secrets.update(
            value
            for name, value in [*self.parameters, *self._connect_args.items()]
            if re.search(_CONFIDENTIAL, name)
        )
        self.parts: Mapping[str, str] = self._given_parts()
        if self.backend == "sqlite":
            self._check_sqlite()
            self.database = _sqlite_path(self.database, basedir)
        else:
            self._check_server(match["query"] or "")

    def _check_sqlite(self) -> None:
        if self.host or self.port or self.user or self.password:
            raise InvalidValueError(
                "The SQLite URL has two slashes before its path; write 'sqlite:///relative/path' "
                "or 'sqlite:////absolute/path'."
            )
        if self.database in ("", ":memory:"):
            raise InvalidValueError(
                "The SQLite URL names no file, and there is nothing to administer in a database in "
                "memory; write 'sqlite:///state.sqlite'."
            )
        if self.database.startswith("file:") or "\0" in self.database:
            raise InvalidValueError(
                f"The SQLite path {self.database!r} is not understood; write the path of a file."
            )
        if re.match(r"[^/]*:[^/]*@", self.database):  # without the path, which may hold a password
            raise InvalidValueError(
                "The SQLite URL has a user and a host in it; write 'postgresql://' for a server."
            )
        unknown = {name for name, _ in self.parameters} - _SQLITE_PARAMETERS
        if unknown:
            raise InvalidValueError(f"The SQLite URL has an unknown parameter {min(unknown)!r}.")

    def _check_server(self, query: str) -> None:
        if "@" in (self.host or "") or "@" in self.database or "@" in query:
            raise self._invalid(
                "The database URL has an '@' too many; write '%40' for it, and '%2F' for a '/', in "
                "a user name or a password."
            )
        if re.search(r"[\[\]]", f"{self.host or ''}{self.port or ''}"):
            raise self._invalid(
                "The host in the database URL has a bracket where none can be; write an IPv6 "
                "address like '[::1]', or with a port '[::1]:5432'."
            )
        if self.port is not None and not (self.port.isascii() and self.port.isdigit()):
            raise self._invalid("The port in the database URL is not a number.")
        for name, value in self.parts.items():
            place = "its connect_args" if name in self._connect_args else "the database URL"
            if not is_storable(name + value):
                raise self._invalid(
                    f"The part {name!r} of {place} is not UTF-8, or holds a NUL ('%00')."
                )
            if not value.isprintable() and not re.search(_CONFIDENTIAL, name):
                raise self._invalid(  # libpq's warnings would print them unescaped
                    f"The part {name!r} of {place} holds characters that do not print."
                )
            if name in REFUSED:
                raise self._invalid(
                    f"The parameter {name!r} in {place} is refused; it {REFUSED[name]}."
                )

        if self.backend == "mysql":
            from mastersctl.config.mysql_parameters import find_problem  # late: only for MySQL

            problem = find_problem(dict(self.parameters), self.parts)
            if problem:
                raise self._invalid(problem)

    def _invalid(self, message: str) -> InvalidValueError:
        return InvalidValueError(self.scrub(message))

    def __str__(self) -> str:
        if self.backend == "sqlite":
            return f"sqlite:///{self.database}"
        parts = {name: self._shown(name) for name in _SHOWN if name in self.parts}
        user = parts.pop("user", "") + (":***" if "password" in self.parts else "")
        path = parts.pop("dbname", "")
        host = port = ""
        if not re.search("[/,@]", parts.get("host", "/")):  # one host, no directory
            host = parts.pop("host")
            host = f"[{host}]" if ":" in host else host
        if "host" not in parts and "," not in parts.get("port", ","):
            port = f":{parts.pop('port')}"
        query = "&".join(f"{name}={_quoted(value)}" for name, value in parts.items())
        start = f"{self.backend}://{user}{'@' if user else ''}{host}{port}/{path}"
        return f"{start}?{query}" if query else start

    def __repr__(self) -> str:
        return f"<DatabaseURL {self}>"

    def scrub(self, text: str) -> str:
        """Return `text`, such as a driver's message, without the passwords of this URL."""
        repeatable = [  # without `_AMBIGUOUS` parts, which messages quote
            value
            for name, value in self.parts.items()
            if name not in _AMBIGUOUS and not re.search(_CONFIDENTIAL, name)
        ]
        return self._without_secrets(text, repeatable)

    def _shown(self, name: str) -> str:
        """Return a part without passwords; an ambiguous part may stay even if it equals one."""
        value = self.parts[name]
        return self._without_secrets(value, [] if name in _AMBIGUOUS else [value])

    def _without_secrets(self, text: str, repeatable: list[str]) -> str:
        secrets = [*filter(None, self._secrets)]
        if not secrets:
            return text
        from mastersctl.config.scrub import scrubbed  # late: most URLs have no secrets

        return scrubbed(secrets, text, repeatable)

    def _given_parts(self) -> dict[str, str]:
        """Return the arguments of the driver, with several hosts in libpq's form.

        SQLAlchemy accepts ``?host=a:5432&host=b:5433`` and ``?host=a,b&port=5432,5433``.
        """
        parts = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "dbname": self.database,
        }
        told = {name: value for name, value in parts.items() if value}
        told.update((name, value) for name, value in self.parameters if name != "host")
        hosts = list(self._query_hosts())
        if hosts:
            told["host"] = ",".join(host for host, _ in hosts)
            ports = ",".join(port for _, port in hosts)
            told.update({"port": ports} if ports else {})
        merged = {**told, **self._connect_args}
        return {name: value for name, value in merged.items() if value is not None}

    def _query_hosts(self) -> Iterator[tuple[str, str]]:
        for name, value in self.parameters:
            if name == "host":
                host, _, port = value.rpartition(":")
                # A socket's directory and an IPv6 address may have a colon, but no port here.
                yield (host, port) if re.fullmatch(r"[\w.-]+:\d*", value) else (value, "")


def _sqlite_path(given: str, basedir: str) -> str:
    """Return the absolute path of the file that the path in an SQLite URL leads to."""
    try:
        path = os.path.join(basedir, re.sub(_PERCENT, lambda m: _PERCENTS[m[0]] or basedir, given))
        size = len(os.fsencode(path))
    except (KeyError, UnicodeEncodeError):
        raise InvalidValueError(
            f"The SQLite path {given!r} cannot be understood; '%' is written '%%'."
        ) from None
    if size > _MAX_PATH:
        raise InvalidValueError(
            f"The SQLite path is {size} bytes long; none can be longer than {_MAX_PATH}."
        )
    # SQLite also follows links, and puts its other files beside the real file.
    return "/" + os.path.realpath(path).lstrip("/")


def scheme_of(text: str) -> str:
    """Return the scheme of a database URL without its driver; known ones are in `BACKENDS`."""
    return text.partition("://")[0].partition("+")[0]


def _quoted(text: str) -> str:
    from urllib.parse import quote  # late: few URLs have a query to show

    return quote(text, safe="/:,=~*", errors="surrogateescape")


def _unquoted(text: str | None) -> str | None:
    if text is None or "%" not in text:
        return text
    from urllib.parse import unquote  # late: most URLs have no escapes

    return unquote(text, errors="surrogateescape")


def _parsed(query: str) -> list[tuple[str, str]]:
    if not query:
        return []
    from urllib.parse import parse_qsl

    return parse_qsl(query, errors="surrogateescape")
