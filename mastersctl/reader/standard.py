"""Built-in and library functions that depend on the state of an analysed program."""

from __future__ import annotations

import os.path
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from mastersctl.reader.files import Files
from mastersctl.reader.objects import Names, Object


class Standard(Files):
    """Models built-in and library functions that depend on the program's state."""

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
        """Apply the effects of ``exec`` or ``eval``, which may change the given names, or all."""
        self.are_known = False
        modules = [slot.value for slot in self.program.slots.values()]
        imported = [m for m in modules if isinstance(m, Object) and "__name__" in m.slots]
        reached = [self.program] if names is None else [names, self.environ, *imported]
        return self.opaque([*reached, *more], lambda: "executes a text,")

    def _reload(self, module: object) -> object:
        return self.reload(module)

    def reload(self, module: object) -> object:
        """Read a module again, and return it."""
        raise NotImplementedError

    def _import_module(self, name: object, package: object = None) -> object:
        if not isinstance(name, str) or package is not None or name.startswith("."):
            self.are_known = False
            return self.opaque([self.everything])
        return self.import_module(name)

    def import_module(self, name: str) -> object:
        """Import a module, and return it."""
        raise NotImplementedError

    def _names_here(self) -> object:
        scope = self.scopes[0]
        if scope.kind != "function":
            return Names(scope, "names")
        found = Object("dict")  # a copy of the current bindings
        if scope.snapshot:  # some versions of Python return the same dictionary again
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
        **Files.FILES,
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
        "builtins.super": _super,
        "builtins.vars": _names_here,
        "importlib.import_module": _import_module,
        "importlib.reload": _reload,
        "os.getcwd": _directory,
        "os.getenv": Files.get_variable,
        "pathlib.Path.cwd": _path_of_directory,
    }
    METHODS: ClassVar[dict[tuple[str, str], Callable[..., object]]] = {
        **Files.CONTAINER_METHODS,
        **Files.FILE_METHODS,
    }
