"""The meanings of the errors of MariaDB, MySQL and PyMySQL."""

import re

from pymysql.constants import CR

from mastersctl.database import server

LOGIN_NEEDS_MORE = CR.CR_AUTH_PLUGIN_CANNOT_LOAD
NO_ANSWER_OF_MYSQL = CR.CR_MALFORMED_PACKET

_CODES: dict[server.Kind, tuple[int, ...]] = {
    server.NOT_BUILDBOTS: (
        1051, 1054, 1146,  # a table or a column is missing
    ),
    server.LOCKED: (
        1205, 3572,
    ),
    server.ROLLED_BACK: (
        1213, 1613, 1614, 1689, 3058,  # deadlocks, and locks that were aborted
        1020,  # a row has changed since it was read
        3101,  # Group Replication
    ),
    server.GAVE_UP: (
        1028, 1317, 1969, 3024, 4192,  # interrupted, or took too long
        3100, 4094,  # Group Replication
    ),
    server.FORBIDDEN: (
        1036, 1290, 1792, 1836, 1874, 3989,  # read-only: table, server, transaction, InnoDB, schema
        1142, 1143, 1227, 1356, 1370, 1449, 6038,  # privileges, also those of views
        3164, 6444,  # audit, firewall
    ),
    server.DISK_FULL: (
        1021, 1026, 1114, 3019, 3675,
    ),
    server.NOT_STORABLE: (
        1366, 1406,
    ),
    server.LOGIN_REFUSED: (
        1044, 1045, 1698, 1873, 3879, 6126, 6127,  # user, password, database, proxy
        1820, 1862,  # the password has expired
        3118, 3955, 4150, 4151,  # the account is locked
        3159,  # without TLS
        1251, 1275, 1524, LOGIN_NEEDS_MORE,  # the kind of password
    ),
    server.UNREACHABLE: (
        1046, 1049,  # no database
        1040, 1203, 1226,  # too many connections, or a quota
        1042, 1043, 1129, 1130,  # host, handshake
        1053, 1077, 1079, 1080, 3168,  # shutdown
        1927, 3169, 4031,  # the connection was killed, or idle for too long
        1152, 1153, 1154, 1155, 1156, 1157, 1158, 1159, 1160, 1161, 1184,  # broken connections
        1037, 1038, 1041, 1135, 1206, 1637, 3015, 4081, 4082,  # memory, threads, locks
        1047,  # a Galera node that is not ready
        3781, 3782, 3783, 6141,  # a group member that is not ready
        3032, 6400,  # offline mode
        9001,  # ProxySQL cannot reach the server
    ),
}  # fmt: skip
_KINDS = {code: kind for kind, codes in _CODES.items() for code in codes}
_CLASSES = {  # by the first two characters of SQLSTATE: connection, login, rolled back
    "08": server.UNREACHABLE,
    "28": server.LOGIN_REFUSED,
    "40": server.ROLLED_BACK,
}
_CLIENT_ERRORS = range(CR.CR_ERROR_FIRST, 3000)  # errors of the connection, not of the server
_NO_SPACE = re.compile(r"(errcode|errno|error):? 28\b", re.IGNORECASE)  # the system's ENOSPC
_REMEDIES = {  # by the package that PyMySQL needs for a login
    "cryptography": "install it with 'pip install cryptography', or switch on TLS at the server",
    "pynacl": "install it with 'pip install pynacl'",
}


def kind(code: int | None, message: str, sqlstate: str | None) -> server.Kind:
    """Return the kind, of those in `mastersctl.database.server`, of an error of PyMySQL.

    Parameters:
        code: None if the error has none.
    """
    if _NO_SPACE.search(message):
        return server.DISK_FULL
    if "timed out" in message:
        return server.SILENT
    if code in _KINDS:
        return _KINDS[code]
    if code is None or code <= 0 or code in _CLIENT_ERRORS:  # PyMySQL's, not a server's
        return server.UNREACHABLE
    return _CLASSES.get((sqlstate or "")[:2], server.FAILED)


def misunderstanding(error: Exception) -> tuple[int, str]:
    """Return code and message for another library's exception while PyMySQL reads an answer."""
    text = str(error) or type(error).__name__
    for package, remedy in _REMEDIES.items():
        if f"'{package}' package" in text:
            return LOGIN_NEEDS_MORE, f"{text}; {remedy}"
    return NO_ANSWER_OF_MYSQL, f"its answer is not one of MySQL: {text}"
