"""URLs of MariaDB and MySQL, and what PyMySQL is told of them."""

from typing import Any

import pytest

from mastersctl.config.mysql_parameters import to_pymysql
from mastersctl.config.url import DatabaseURL
from mastersctl.errors import InvalidValueError


@pytest.mark.parametrize(
    ("url", "parameters"),
    [
        ("mysql://h/d", {"host": "h", "database": "d"}),
        ("mysql+mysqldb://u@h/d", {"host": "h", "user": "u", "database": "d"}),
        ("mysql+pymysql://u:p%40%C3%A9@h:3307/d",
         {"host": "h", "port": 3307, "user": "u", "password": "p@é".encode(), "database": "d"}),
        ("mariadb://h/d", {"host": "h", "database": "d"}),
        ("mysql://h/d?max_idle=300&storage_engine=InnoDB&charset=utf8&use_unicode=True",
         {"host": "h", "database": "d"}),
        ("mysql:///d?unix_socket=/run/s&read_default_file=~/.my.cnf",
         {"unix_socket": "/run/s", "read_default_file": "~/.my.cnf", "database": "d"}),
        ("mysql://h/d?ssl_ca=/ca.pem&ssl_verify_cert=true&ssl_verify_identity=False",
         {"host": "h", "database": "d",
          "ssl": {"ca": "/ca.pem", "verify_mode": True, "check_hostname": False}}),
        ("mysql://h/d?ssl_ca=/ca.pem", {"host": "h", "database": "d", "ssl": {"ca": "/ca.pem"}}),
        *((f"mysql://h/d?ssl_verify_cert={word}",
           {"host": "h", "database": "d", "ssl": {"verify_mode": True}})
          for word in ("1", "yes", "on", "required", "True")),
        *((f"mysql://h/d?ssl_ca=/c&ssl_verify_cert={word}",
           {"host": "h", "database": "d",
            "ssl": {"ca": "/c", "verify_mode": False, "check_hostname": False}})
          for word in ("0", "no", "off", "none", "False")),
        ("mysql://h/d?ssl_verify_cert=Optional",
         {"host": "h", "database": "d", "ssl": {"verify_mode": "optional"}}),
        *((f"mysql://h/d?ssl_ca=/c&ssl_verify_identity={word}",
           {"host": "h", "database": "d", "ssl": {"ca": "/c", "check_hostname": is_true}})
          for word, is_true in (("1", True), ("yes", True), ("on", True), ("0", False))),
    ],
)  # fmt: skip
def test_a_url_means_what_it_means_to_buildbot(url: str, parameters: dict[str, Any]) -> None:
    parsed = DatabaseURL(url, "/")
    assert parsed.backend == "mysql"
    assert to_pymysql(parsed.parts) == parameters


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://h/d?sslmode=require", "unknown parameter 'sslmode'"),
        ("mysql://h/d?init_command=DROP", "unknown parameter 'init_command'"),
        ("mysql://h:65536/d", "65536"),
        ("mysql://h/d?storage_engine=InnoDB;DROP", "not a name"),
    ],
)
def test_what_a_url_may_not_hold_is_refused(url: str, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        DatabaseURL(url, "/")
