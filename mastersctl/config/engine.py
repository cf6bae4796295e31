"""Finds the connection arguments in Buildbot's ``engine_kwargs``, which SQLAlchemy gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mastersctl.config.url import BACKENDS, REFUSED, scheme_of

if TYPE_CHECKING:
    from mastersctl.config.setting import Setting
    from mastersctl.errors import BasedirError

_OVERLOOKED = {  # arguments of create_engine(), of its dialects and its pools
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
    "poolclass",  # a class gets the connection arguments; a ready pool has its own
    "query_cache_size",
    "server_side_cursors",
    "skip_autocommit_rollback",
    "supports_native_boolean",
    "use_insertmanyvalues",
    "use_native_hstore",
    "use_native_uuid",
}
_OVERLOOKED_OPTIONS = {"isolation_level", "logging_token", "max_row_buffer", "stream_results"}

_OVERLOOKED_ARGUMENTS = {  # arguments of the drivers
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
_ARGUMENTS: dict[str, dict[str, str]] = {  # passed on, by libpq's names
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
_OF_SSL = {  # by the keys of the dictionary "ssl"
    "ca": "ssl_ca",
    "cert": "ssl_cert",
    "check_hostname": "ssl_verify_identity",
    "key": "ssl_key",
    "verify_mode": "ssl_verify_cert",
}


def read_connect_args(engine_kwargs: Setting, db_url: str) -> Mapping[str, str | None]:
    """Return the driver's arguments beside the URL, by the names of a URL's parameters.

    Raises:
        BasedirError: an argument is unknown, or may select another database.
    """
    found: Mapping[str, str | None] = {}
    for key, setting in engine_kwargs.items():
        if key == "connect_args":
            found = _connect_args(setting, db_url)
        elif key == "execution_options":
            _check_execution_options(setting)
        elif key not in _OVERLOOKED:
            raise _refusal(setting)
    return found


def _check_execution_options(options: Setting) -> None:
    for key, setting in options.items():
        if key not in _OVERLOOKED_OPTIONS:
            raise _refusal(setting)


def _connect_args(arguments: Setting, db_url: str) -> Mapping[str, str | None]:
    scheme = scheme_of(db_url)
    backend = BACKENDS.get(scheme)
    if backend is None:
        return {}  # `DatabaseURL` reports the error
    found: dict[str, str | None] = {}
    for key, setting in arguments.items():
        name = _ARGUMENTS[backend].get(str(key))
        if key == "ssl" and backend == "mysql":
            found |= _ssl(setting)
        elif name in found:
            raise setting.error(f"says {name!r} a second time")
        elif name in REFUSED:
            raise setting.error(f"is refused, as it {REFUSED[name]}")
        elif name is not None:
            if scheme == "mysql" and not name.startswith("ssl"):
                raise setting.error("is overwritten by Buildbot for mysql:// URLs")
            found[name] = _text(setting)
        elif key not in _OVERLOOKED_ARGUMENTS[backend]:
            raise _refusal(setting)
    return found


def _ssl(ssl: Setting) -> dict[str, str | None]:
    found = {}
    for key, setting in ssl.items():
        if key not in _OF_SSL:
            raise _refusal(setting)
        found[_OF_SSL[str(key)]] = _text(setting)
    return found


def _text(setting: Setting) -> str | None:
    """Return a driver's text for a value; None means that the value is not given."""
    value = setting.value
    if value is None or isinstance(value, int):
        return None if value is None else str(value)
    return setting.text()


def _refusal(setting: Setting) -> BasedirError:
    return setting.error("may mean another database, and is not understood")
