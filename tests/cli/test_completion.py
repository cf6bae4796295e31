"""``mastersctl completion``, in the shells"""

import os
import shutil
import sys
from pathlib import Path

import pexpect
import pytest

from tests.conftest import Command, process

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
SET_UP = {
    "bash": "source <(mastersctl completion bash)",
    "zsh": "autoload -U compinit; compinit -u; source <(mastersctl completion zsh)",
    "fish": "mastersctl completion fish | source",
}


def shell(name: str, home: Path) -> "pexpect.spawn[str]":
    """Start a shell in which completion is set up."""
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(home), "TERM": "dumb", "LANG": "C.UTF-8"}
    program, *arguments = SHELLS[name]
    child = pexpect.spawn(
        program, arguments, env=environment, encoding="utf-8", timeout=20, dimensions=(24, 200)
    )
    child.sendline(f"{SET_UP[name]}; echo set'-'up")
    child.expect("set-up")
    return child


@pytest.mark.parametrize("name", SHELLS)
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("mastersctl rena", "mastersctl rename "),
        ("mastersctl list --wat", "mastersctl list --watch "),
        ("mastersctl set-state 7 ina", "mastersctl set-state 7 inactive "),
    ],
)
def test_a_word_is_completed(name: str, typed: str, completed: str, tmp_path: Path) -> None:
    child = shell(name, tmp_path)
    try:
        child.send(f"{typed}\t")
        child.expect_exact(typed)
        child.expect_exact(completed.removeprefix(typed))
    finally:
        child.close(force=True)


@pytest.mark.parametrize("name", SHELLS)
def test_the_script_is_printed_without_a_database(name: str) -> None:
    result = process("completion", name, environment={"MASTERSCTL_DB_URL": "nonsense://"})
    assert (result.code, result.err) == (0, "")
    assert "_MASTERSCTL_COMPLETE" in result.out


@pytest.mark.parametrize("instruction", ["junk", "bash_", "bash_complete", "zsh_complete"])
def test_a_variable_that_no_script_has_set_is_an_error(
    mastersctl: Command, monkeypatch: pytest.MonkeyPatch, instruction: str
) -> None:
    monkeypatch.setenv("_MASTERSCTL_COMPLETE", instruction)
    result = mastersctl("list")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"Error: The variable _MASTERSCTL_COMPLETE is '{instruction}'")


def test_an_empty_variable_is_none(mastersctl: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_MASTERSCTL_COMPLETE", "")
    assert mastersctl("--version").code == 0
