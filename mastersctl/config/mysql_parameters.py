"""Checks the parameters of a MariaDB or MySQL URL, and converts them for PyMySQL."""

import re
from collections.abc import Mapping
from typing import Any

_PASSED_ON = ("read_default_file", "read_default_group", "unix_socket")
_TLS = {  # the keys of PyMySQL's dictionary "ssl"; it verifies if there is a CA
    "ssl_ca": "ca",
    "ssl_cert": "cert",
    "ssl_key": "key",
    "ssl_verify_cert": "verify_mode",
    "ssl_verify_identity": "check_hostname",
}
_KNOWN = {  # with Buildbot's own, for connections and tables
    *_PASSED_ON,
    *_TLS,
    "charset",
    "max_idle",
    "storage_engine",
    "use_unicode",
}
_MAX_PORT = 65535
_FALSE = ("0", "false", "no", "none", "off")


def find_problem(parameters: Mapping[str, str], parts: Mapping[str, str]) -> str | None:
    """Return a sentence about the first problem of a URL, or None.

    Parameters:
        parameters: the query of the URL.
        parts: the parts of the URL, merged with ``connect_args``.
    """
    unknown = parameters.keys() - _KNOWN
    if unknown:
        return (
            f"The MySQL URL has an unknown parameter {min(unknown)!r}; known are "
            f"{', '.join(sorted(_KNOWN))}."
        )
    port = parts.get("port", "0")
    if not (port.isascii() and port.isdigit() and int(port) <= _MAX_PORT):
        return f"The port {port!r} of the database URL is no port."
    engine = parameters.get("storage_engine", "InnoDB")
    if not re.fullmatch(r"(?a)\w+", engine):
        return f"The storage_engine {engine!r} in the URL is not a name."
    return None


def to_pymysql(parts: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments of PyMySQL for the parts of a URL."""
    arguments = {
        "host": parts.get("host"),
        "port": int(parts.get("port", 0)),
        "user": parts.get("user"),
        "password": parts.get("password", "").encode(),  # PyMySQL encodes a string as Latin-1
        "database": parts.get("dbname"),
    }
    found = {name: value for name, value in arguments.items() if value}
    found.update((name, parts[name]) for name in _PASSED_ON if name in parts)
    tls = {key: parts[name] for name, key in _TLS.items() if name in parts}
    return found | ({"ssl": _to_ssl(tls)} if tls else {})


def _to_ssl(tls: Mapping[str, str]) -> dict[str, str | bool]:
    """Return PyMySQL's dictionary "ssl", which verifies certificates unless `tls` forbids it."""
    mode = tls.get("verify_mode", "").lower()
    found: dict[str, str | bool] = {**tls}
    if mode:
        found["verify_mode"] = mode if mode == "optional" else mode not in _FALSE
    if "check_hostname" in tls:
        found["check_hostname"] = tls["check_hostname"].lower() not in _FALSE
    elif mode in _FALSE:
        found["check_hostname"] = False
    return found
