"""What of Buildbot's ``engine_kwargs``, which SQLAlchemy gets, says which database is meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

from mastersctl.config.url import BACKENDS, REFUSED, scheme_of

if TYPE_CHECKING:
    from mastersctl.config.configfile import ConfigFile

_ENGINE_KWARGS = "c['db']['engine_kwargs']"
_CONNECT_ARGS = f"{_ENGINE_KWARGS}['connect_args']"

_OVERLOOKED = {  # of create_engine(), of its dialects and its pools
    "client_encoding",
    "echo",
    "echo_pool",
    "empty_in_strategy",
    "enable_from_linting",
    "executemany_batch_page_size",
    "executemany_mode",
    "executemany_values_page_size",
    "future",
    "hide_parameters",
    "implicit_returning",
    "insertmanyvalues_page_size",
    "isolation_level",
    "json_deserializer",
    "json_serializer",
    "label_length",
    "logging_name",
    "max_identifier_length",
    "max_overflow",
    "native_datetime",
    "paramstyle",
    "pool_logging_name",
    "pool_pre_ping",
    "pool_recycle",
    "pool_reset_on_return",
    "pool_size",
    "pool_timeout",
    "pool_use_lifo",
    "poolclass",  # it is given how to connect; a pool that is made already would know
    "query_cache_size",
    "server_side_cursors",
    "skip_autocommit_rollback",
    "supports_native_boolean",
    "use_insertmanyvalues",
    "use_native_hstore",
    "use_native_uuid",
}
_OVERLOOKED_OPTIONS = {"isolation_level", "logging_token", "max_row_buffer", "stream_results"}

_OVERLOOKED_ARGUMENTS = {  # of the drivers
    "sqlite": {
        "autocommit",
        "cached_statements",
        "check_same_thread",
        "detect_types",
        "isolation_level",
        "timeout",
    },
    "postgresql": {
        "async",
        "async_",
        "autocommit",
        "context",
        "cursor_factory",
        "prepare_threshold",
        "row_factory",
    },
    "mysql": {
        "autocommit",
        "binary_prefix",
        "bind_address",
        "charset",
        "client_flag",
        "collation",
        "compress",
        "connect_timeout",
        "connection_timeout",
        "conv",
        "cursorclass",
        "defer_connect",
        "local_infile",
        "max_allowed_packet",
        "multi_statements",
        "program_name",
        "read_timeout",
        "sql_mode",
        "use_unicode",
        "write_timeout",
    },
}
_ARGUMENTS: dict[str, dict[str, str]] = {  # that are passed on, and libpq's names for them
    "sqlite": {},
    "postgresql": {
        name: name
        for name in (
            "application_name",
            "channel_binding",
            "client_encoding",
            "connect_timeout",
            "dbname",
            "fallback_application_name",
            "gssdelegation",
            "gssencmode",
            "gsslib",
            "host",
            "hostaddr",
            "keepalives",
            "keepalives_count",
            "keepalives_idle",
            "keepalives_interval",
            "krbsrvname",
            "load_balance_hosts",
            "max_protocol_version",
            "min_protocol_version",
            "options",
            "passfile",
            "password",
            "port",
            "require_auth",
            "requirepeer",
            "scram_client_key",
            "scram_server_key",
            "service",
            "servicefile",
            "ssl_max_protocol_version",
            "ssl_min_protocol_version",
            "sslcert",
            "sslcertmode",
            "sslcompression",
            "sslcrl",
            "sslcrldir",
            "sslkey",
            "sslkeylogfile",
            "sslmode",
            "sslnegotiation",
            "sslpassword",
            "sslrootcert",
            "sslsni",
            "target_session_attrs",
            "tcp_user_timeout",
            "user",
        )
    }
    | {"database": "dbname"},
    "mysql": {
        name: name
        for name in (
            "host",
            "password",
            "port",
            "read_default_file",
            "read_default_group",
            "ssl_ca",
            "ssl_cert",
            "ssl_key",
            "ssl_verify_cert",
            "ssl_verify_identity",
            "unix_socket",
            "user",
        )
    }
    | {"database": "dbname", "db": "dbname", "passwd": "password"},
}
_OF_SSL = {  # the keys of its dictionary
    "ca": "ssl_ca",
    "cert": "ssl_cert",
    "check_hostname": "ssl_verify_identity",
    "key": "ssl_key",
    "verify_mode": "ssl_verify_cert",
}


def read_connect_args(
    file: ConfigFile, engine_kwargs: object, line: int | None, db_url: str
) -> Mapping[str, str | None]:
    """Return what the driver is told beside the URL, by the names that it has in one.

    Parameters:
        engine_kwargs: the value in `file`, and its `line`.

    Raises:
        BasedirError: something in it is computed, or may mean another database.
    """
    found: Mapping[str, str | None] = {}
    for key, value, at in file.items(engine_kwargs, _ENGINE_KWARGS, line):
        if key == "connect_args":
            found = _connect_args(file, value, at, db_url)
        elif key == "execution_options":
            _check_execution_options(file, value, at)
        elif key not in _OVERLOOKED:
            _refuse(file, f"{_ENGINE_KWARGS}[{key!r}]", at)
    return found


def _check_execution_options(file: ConfigFile, value: object, line: int) -> None:
    what = f"{_ENGINE_KWARGS}['execution_options']"
    for key, _, at in file.items(value, what, line):
        if key not in _OVERLOOKED_OPTIONS:
            _refuse(file, f"{what}[{key!r}]", at)


def _connect_args(
    file: ConfigFile, value: object, line: int, db_url: str
) -> Mapping[str, str | None]:
    scheme = scheme_of(db_url)
    backend = BACKENDS.get(scheme)
    if backend is None:
        return {}  # whoever reads the URL says what is wrong
    found: dict[str, str | None] = {}
    for key, argument, at in file.items(value, _CONNECT_ARGS, line):
        what = f"{_CONNECT_ARGS}[{key!r}]"
        name = _ARGUMENTS[backend].get(str(key))
        if key == "ssl" and backend == "mysql":
            found |= _ssl(file, argument, at)
        elif name in found:
            raise file.error(argument, what, f"says {name!r} a second time", at)
        elif name in REFUSED:
            raise file.error(argument, what, f"is refused, as it {REFUSED[name]}", at)
        elif name is not None:
            if scheme == "mysql" and not name.startswith("ssl"):
                otherwise = "is not used by Buildbot, which overwrites it for mysql:// URLs"
                raise file.error(argument, what, otherwise, at)
            found[name] = _text(file, argument, what, at)
        elif key not in _OVERLOOKED_ARGUMENTS[backend]:
            _refuse(file, what, at)
    return found


def _ssl(file: ConfigFile, value: object, line: int) -> dict[str, str | None]:
    what = f"{_CONNECT_ARGS}['ssl']"
    found = {}
    for key, argument, at in file.items(value, what, line):
        if key not in _OF_SSL:
            _refuse(file, f"{what}[{key!r}]", at)
        found[_OF_SSL[str(key)]] = _text(file, argument, f"{what}[{key!r}]", at)
    return found


def _text(file: ConfigFile, value: object, what: str, line: int) -> str | None:
    """Return the text that a driver makes of a value; None stands for one that is not given."""
    if value is None or isinstance(value, int):
        return None if value is None else str(value)
    return file.text(value, what, line)


def _refuse(file: ConfigFile, what: str, line: int) -> NoReturn:
    raise file.error(None, what, "may mean another database, and is not understood", line)
