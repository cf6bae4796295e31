"""File access and path computation in an analysed program."""

from __future__ import annotations

import os.path
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import ClassVar

from mastersctl.errors import BasedirError
from mastersctl.reader import library
from mastersctl.reader.containers import Containers
from mastersctl.reader.objects import Object, Unknown
from mastersctl.reader.source import read_text

_ENCODINGS = ("none", "utf-8", "utf8")


class Files(Containers):
    """Reads files, and computes paths.

    Attributes:
        directory: the directory where Buildbot, and therefore each relative path, starts.
        owner: the ID of the user that owns the program.
    """

    directory: str
    owner: int

    def absolute(self, path: object) -> str:
        """Return the absolute form of a path, as Buildbot would resolve it.

        Raises:
            UntoldError: the working directory is unknown.
        """
        if self.is_elsewhere and not os.path.isabs(str(path)):
            raise library.UntoldError
        return os.path.join(self.directory, str(path))

    def _abspath(self, path: object) -> object:
        known = isinstance(path, str | PurePosixPath)
        return os.path.normpath(self.absolute(path)) if known else self.unknown()

    def _change_directory(self, path: object) -> None:
        known = isinstance(path, str | PurePosixPath) and not self.is_elsewhere
        if not known or os.path.realpath(self.absolute(path)) != os.path.realpath(self.directory):
            self.is_elsewhere = True

    def _real_path(self, path: object) -> object:
        known = isinstance(path, str | PurePosixPath)
        return os.path.realpath(self.absolute(path)) if known else self.unknown()

    def _expand_user(self, path: object) -> object:
        text = str(path)
        if not isinstance(path, str | PurePosixPath) or not text.startswith("~"):
            return path if isinstance(path, str | PurePosixPath) else self.unknown()
        home = self.get(self.environ, "HOME")
        if not isinstance(home, str) or text[1:2] not in ("", "/"):
            return self.unknown("depends on a user's home directory")
        expanded = home.rstrip("/") + text[1:] or "/"
        return expanded if isinstance(path, str) else Path(expanded)

    def _exists(self, path: object) -> object:
        known = isinstance(path, str | PurePosixPath)
        return os.path.exists(self.absolute(path)) if known else self.unknown()

    def _is_file(self, path: object) -> object:
        known = isinstance(path, str | PurePosixPath)
        return os.path.isfile(self.absolute(path)) if known else self.unknown()

    def _open(self, path: object, mode: object = "r", **options: object) -> object:
        allowed = all(name in ("encoding", "errors") for name in options)
        if str(options.get("encoding")).lower().replace("_", "-") not in _ENCODINGS:
            allowed = False
        if mode not in ("r", "rt") or not allowed or not isinstance(path, str | PurePosixPath):
            return self.unknown(values=[path])
        try:
            text = read_text(self.absolute(path), self.owner)
        except BasedirError as error:
            unknown = self.unknown(f"needs a file that cannot be read: {error}")
            unknown.remedy = "make it readable, or "
            return unknown
        found = Object("file")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        self.write(found, "text", self.slot(text))
        return found

    def _read_file(self, owner: Object) -> object:
        text = owner.slots["text"]
        if isinstance(text.value, Unknown):
            self.doubts += 1
        self.write(owner, "text", self.slot(""))
        return self.read(text)

    def _read_line(self, owner: Object) -> object:
        text = self.read(owner.slots["text"])
        if not isinstance(text, str):
            return self.unknown()
        line, end, rest = text.partition("\n")
        self.write(owner, "text", self.slot(rest))
        return line + end

    def _load_json(self, file: object) -> object:
        if not isinstance(file, Object) or file.kind != "file":
            return self.opaque([file])
        return self.carry_out(library.FUNCTIONS["json.loads"], [self._read_file(file)])

    def _read_path(self, path: object, encoding: object = None) -> object:
        file = self._open(path, encoding=encoding)
        return self._read_file(file) if isinstance(file, Object) else file

    def _resolve(self, path: object) -> object:
        return Path(os.path.realpath(self.absolute(path)))

    def _absolute(self, path: object) -> object:
        return Path(self.absolute(path))

    def _close(self, owner: Object) -> None:
        self.write(owner, "text", self.slot(self.unknown("is of a file that is closed")))

    FILES: ClassVar[dict[str, Callable[..., object]]] = {
        "builtins.open": _open,
        "io.open": _open,
        "json.load": _load_json,
        "os.chdir": _change_directory,
        "os.fchdir": _change_directory,
        "os.path.abspath": _abspath,
        "os.path.exists": _exists,
        "os.path.expanduser": _expand_user,
        "os.path.isfile": _is_file,
        "os.path.realpath": _real_path,
    }
    FILE_METHODS: ClassVar[dict[tuple[str, str], Callable[..., object]]] = {
        ("file", "close"): _close,
        ("file", "read"): _read_file,
        ("file", "readline"): _read_line,
    }
    PATH_METHODS: ClassVar[dict[str, Callable[..., object]]] = {
        "absolute": _absolute,
        "exists": _exists,
        "expanduser": _expand_user,
        "is_file": _is_file,
        "open": _open,
        "read_text": _read_path,
        "resolve": _resolve,
    }
