"""What Python and its library do to the values of a program that is read."""

from __future__ import annotations

import os.path
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import ClassVar

from mastersctl.config import library
from mastersctl.config.access import View, is_key
from mastersctl.config.functions import Functions
from mastersctl.config.objects import Names, Object, Unknown
from mastersctl.config.source import read_text
from mastersctl.errors import BasedirError

_ENCODINGS = ("none", "utf-8", "utf8")


class Standard(Functions):
    """Methods of dictionaries, lists, files and paths, and functions that need the program's state.

    Attributes:
        directory: where Buildbot starts, and relative paths with it.
        owner: the ID of the user whose the program is.
    """

    directory: str
    owner: int

    # Dictionaries and lists

    def _get(self, owner: Object, key: object, default: object = None) -> object:
        slot = owner.slot(key) if is_key(key) else None
        if owner is self.environ and slot is not None and key not in owner.slots:
            value = self.item(owner, key)
            if isinstance(value, Unknown):
                self.merge(value, default)
            return value
        if slot is None and not is_key(key):
            return self.unknown(values=[self.item(owner, key), default])
        if slot is not None:
            value = self.item(owner, key)
            return value if slot.certain else self.either([value, default])
        if owner is self.environ:
            self.note_unset(str(key))
        return default

    def _get_variable(self, key: object, default: object = None) -> object:
        environ = self.module_outside("os").slots["environ"].value
        if isinstance(environ, Object) and environ.kind == "dict":
            return self._get(environ, key, default)
        return self.unknown(values=[environ, default])

    def _set_default(self, owner: Object, key: object, default: object = None) -> object:
        slot = owner.slot(key) if is_key(key) else None
        if is_key(key) and slot is None:
            if owner is self.environ:
                self.note_unset(str(key))
            self.write(owner, key, self.slot(default))
            return default
        if slot is not None and slot.certain and key in owner.slots:
            return self.read(slot)
        self.merge_into(owner, self.slot(default))
        return self.item(owner, key)

    def _update(self, owner: Object, *given: object, **named: object) -> None:
        for other in given:
            self.update(owner, other)
        for key, value in named.items():
            self.write(owner, key, self.slot(value))

    def _pop(self, owner: Object, key: object, *default: object) -> object:
        value = self._get(owner, key, *default) if default else self.item(owner, key)
        self.delete(owner, key)
        return value

    def delete(self, owner: Object, key: object) -> None:
        """Delete an item of a dictionary."""
        self.are_unloaded = self.are_unloaded or owner is self.loaded
        if is_key(key) and owner.kind != "list":
            self.write(owner, key, None)
        else:
            self.spoil(owner, self.unknown(values=[owner]))

    def _copy(self, owner: Object) -> Object:
        found = Object(owner.kind)
        for key, slot in owner.slots.items():
            self.write(found, key, slot)
        return found

    def _append(self, owner: Object, value: object) -> None:
        self.extend_list(owner, [value])

    def _extend(self, owner: Object, values: object) -> None:
        known = self.elements(values)
        if known is None:
            self.opaque([values])
            self.merge_into(owner, self.slot(values))
        self.extend_list(owner, known or ())

    def _insert(self, owner: Object, index: object, value: object) -> None:
        if index != 0 or not owner.is_known:
            self.merge_into(owner, self.slot(value))
            return
        slots = [self.slot(value), *owner.slots.values()]
        for number, slot in enumerate(slots):
            self.write(owner, number, slot)

    # Files

    def absolute(self, path: object) -> str:
        """Return a path as Buildbot would understand it.

        Raises:
            UntoldError: it is unknown where that is.
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
        home = self._get(self.environ, "HOME")
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

    # Functions that Python and its library have

    def _getattr(self, owner: object, name: object, *default: object) -> object:
        if not isinstance(name, str) or default:
            return self.opaque([owner, name, *default])
        return self.attribute(owner, name)

    def _dictionary(self, *given: object, **named: object) -> object:
        found = Object("dict")
        self._update(found, *given, **named)
        return found

    def _list(self, values: object = ()) -> object:
        known = self.elements(values)
        if known is None:
            return self.touch([values])
        found = Object("list")
        self.extend_list(found, known)
        return found

    def _execute_text(self, text: object, names: object = None, *more: object) -> object:
        """Note what ``exec`` and ``eval`` may change: the names that they are given, or all."""
        self.are_known = False
        modules = [slot.value for slot in self.program.slots.values()]
        imported = [m for m in modules if isinstance(m, Object) and "__name__" in m.slots]
        reached = [self.program] if names is None else [names, self.environ, *imported]
        return self.opaque([*reached, *more], lambda: "executes a text,")

    def _reload(self, module: object) -> object:
        return self.reload(module)

    def reload(self, module: object) -> object:
        """Execute a module again; return it."""
        raise NotImplementedError

    def _import_module(self, name: object, package: object = None) -> object:
        if not isinstance(name, str) or package is not None or name.startswith("."):
            self.are_known = False
            return self.opaque([self.everything])
        return self.import_module(name)

    def import_module(self, name: str) -> object:
        """Return a module."""
        raise NotImplementedError

    def _names_here(self) -> object:
        scope = self.scopes[0]
        if scope.kind != "function":
            return Names(scope, "names")
        found = Object("dict")  # what they are now
        if scope.snapshot:  # it may be the same one, as the version of Python is
            self.merge_into(scope.snapshot, self.slot(self.unknown()))
        scope.snapshot = found
        for key, slot in scope.slots.items():
            self.write(found, key, slot)
        return found

    def _names_of_module(self) -> object:
        return Names(self.scopes[-1], "names")

    def _super(self, *given: object) -> object:
        return self.unknown(values=[*given, *self.scopes])

    def _directory(self) -> object:
        return os.path.normpath(self.absolute(""))

    def _path_of_directory(self) -> object:
        return Path(self.absolute(""))

    SPECIAL: ClassVar[dict[str, Callable[..., object]]] = {
        "builtins.__import__": lambda self, name: self._import_module(
            name, "." in str(name) or None
        ),
        "builtins.dict": _dictionary,
        "builtins.eval": _execute_text,
        "builtins.exec": _execute_text,
        "builtins.getattr": _getattr,
        "builtins.globals": _names_of_module,
        "builtins.list": _list,
        "builtins.locals": _names_here,
        "builtins.open": _open,
        "builtins.super": _super,
        "builtins.vars": _names_here,
        "importlib.import_module": _import_module,
        "importlib.reload": _reload,
        "io.open": _open,
        "json.load": _load_json,
        "os.chdir": _change_directory,
        "os.fchdir": _change_directory,
        "os.getcwd": _directory,
        "os.getenv": _get_variable,
        "os.path.abspath": _abspath,
        "os.path.exists": _exists,
        "os.path.expanduser": _expand_user,
        "os.path.isfile": _is_file,
        "os.path.realpath": _real_path,
        "pathlib.Path.cwd": _path_of_directory,
    }
    METHODS: ClassVar[dict[tuple[str, str], Callable[..., object]]] = {
        ("dict", "copy"): _copy,
        ("dict", "get"): _get,
        ("dict", "items"): lambda self, owner: View(owner, "items"),
        ("dict", "keys"): lambda self, owner: View(owner, "keys"),
        ("dict", "pop"): _pop,
        ("dict", "setdefault"): _set_default,
        ("dict", "update"): _update,
        ("dict", "values"): lambda self, owner: View(owner, "values"),
        ("file", "close"): _close,
        ("file", "read"): _read_file,
        ("file", "readline"): _read_line,
        ("list", "append"): _append,
        ("list", "extend"): _extend,
        ("list", "insert"): _insert,
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
