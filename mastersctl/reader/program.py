"""The reader of Python programs: finds the names that a program binds at its top level.

The reader interprets the program in order and never executes it. Each name and each item has a
known or an unknown value. An unknown value has the line that makes it unknown. Opaque code is code
that the reader cannot interpret: it makes unknown all that it can reach. A later assignment makes
a name known again. After a branch on an unknown condition, values on which both sides agree stay
known.

The reader assumes that code of other packages mutates its arguments and nothing else. It also
assumes that the program would find the same files as the reader.
"""

from __future__ import annotations

import ast
import os.path
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec

from mastersctl.errors import BasedirError
from mastersctl.reader.effects import NotSetError
from mastersctl.reader.library import FUNCTIONS, UntoldError
from mastersctl.reader.objects import Object, Slot, Unknown
from mastersctl.reader.source import parse, too_much
from mastersctl.reader.statements import Statements

_MAX_MODULES = 100
_ALWAYS_THERE = ("buildbot", "twisted", "zope")  # packages that every master needs


class Reader(Statements):
    """Reads programs, one after the other, as if one process executed them.

    Parameters:
        directory: the directory where Buildbot starts and looks for modules.
        environ: the environment variables of the programs.
        path: a file; its owner counts as the owner of the programs.
    """

    def __init__(self, directory: str, environ: Mapping[str, str], path: str) -> None:
        super().__init__(environ)
        self.directory = directory
        self.owner = os.stat(path).st_uid if os.path.exists(path) else os.geteuid()
        self._search = Object("list", "sys.path")  # sys.path, without installed packages
        self.extend_list(self._search, [directory])
        self.module_outside("sys").slots["path"] = Slot(self._search, self.place)

    def run(self, path: str, **names: object) -> Object:
        """Read a program, and return its namespace.

        Parameters:
            names: the names that are bound beforehand, with their values.

        Raises:
            BasedirError: the program cannot be read.
        """
        module = Object("module")
        for name, value in {**names, "__file__": path}.items():
            self.write(module, name, self.slot(value))
        self._execute(module, path, parse(path))
        return module

    def _execute(self, module: Object, path: str, tree: ast.Module) -> None:
        outside = self.path, self.line, self.scopes, self.attempts, self.loops, self.call_now
        self.path, self.scopes, self.loops, self.call_now = path, [module], [], None
        self.program.slots[path] = Slot(module, self.place)
        try:
            self.block(tree.body)
        except RecursionError:
            raise too_much(path) from None
        finally:
            self.path, self.line, self.scopes, self.attempts, self.loops, self.call_now = outside

    # Imports

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            module = self._import(alias.name)
            top = alias.name.partition(".")[0]
            value = module if alias.asname else self._import(top)
            self.write_name(self.scopes[0], alias.asname or top, self.slot(value))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        name = node.module or ""
        if node.level:
            package = os.path.dirname(self.path)
            for _ in range(node.level - 1):
                package = os.path.dirname(package)
            module = self._import(name, package)
        else:
            module = self._import(name)
        for alias in node.names:
            if alias.name == "*":
                self._import_all(module)
            else:
                value = self._import_name(module, alias.name)
                self.write_name(self.scopes[0], alias.asname or alias.name, self.slot(value))

    def _import_name(self, module: Object, name: str) -> object:
        if name not in module.slots and not module.name:
            path = next((path for path, known in self._paths() if known is module), "")
            found = _find([os.path.dirname(path)], name) if path.endswith("__init__.py") else None
            if found:
                return self._read_module(found)
        if module.name and f"{module.name}.{name}" not in self._known_names():
            self.doubts += 1
        return self.attribute(module, name)

    def _paths(self) -> Iterator[tuple[str, object]]:
        return ((str(path), slot.value) for path, slot in self.program.slots.items())

    def _import_all(self, module: Object) -> None:
        scope = self.scopes[0]
        if module.name.partition(".")[0] in _ALWAYS_THERE:
            return  # such names are plugins; `look_up` makes them unknown
        if module.name or not module.is_known or "__all__" in module.slots:
            for name, slot in list(scope.slots.items()):
                unknown = self.unknown("may be imported", [slot.value])
                self.write(scope, name, slot._replace(value=unknown))
            self.write_rest(scope, self.unknown("may be imported"))
        for name, slot in list(module.slots.items()):
            if isinstance(name, str) and not name.startswith("_"):
                self.write(scope, name, slot)

    def _import(self, name: str, package: str = "") -> Object:
        """Return a module; read it first if it is below `directory`."""
        top, _, rest = name.partition(".")
        if not package and (top in sys.stdlib_module_names or top in _ALWAYS_THERE):
            if rest and not any(known.startswith(f"{name}.") for known in self._known_names()):
                self.doubts += 1
            if top not in _ALWAYS_THERE and find_spec(top) is None:
                self.doubts += 1
            return self.module_outside(name)
        places = [package] if package else self._directories()
        path = None if places is None else _find(places, top) if top else f"{package}/__init__.py"
        if path is None or not self._is_inside(path):
            self.doubts += 1
            return self.module_outside(name)
        module = self._read_module(path)
        while rest and path.endswith("__init__.py"):
            part, _, rest = rest.partition(".")
            path = _find([os.path.dirname(path)], part) or ""
            if not path:
                self.doubts += 1
                return Object("module", name)
            inner = self._read_module(path)
            self.write(module, part, self.slot(inner))
            module = inner
        return module

    def _known_names(self) -> list[str]:
        """Return names that the standard library certainly defines."""
        return [*FUNCTIONS, *self.SPECIAL, "os.environ", "os.path.sep", "sys.path"]

    def import_module(self, name: str) -> Object:
        return self._import(name)

    def reload(self, module: object) -> object:
        path = next((path for path, known in self._paths() if known is module), None)
        if path is None or not isinstance(module, Object):
            return module
        self._execute(module, path, parse(path))
        return module

    def _directories(self) -> list[str] | None:
        """Return the directories of ``sys.path``, without installed packages; None if unknown."""
        slots = self._search.slots
        found = [slots[index].value for index in range(len(slots)) if index in slots]
        if (
            not self._search.is_known
            or self.module_outside("sys").slots["path"].value is not self._search
        ):
            return None
        try:
            known = [self.absolute(p).rstrip("/") for p in found if isinstance(p, str)]
        except UntoldError:
            return None
        return known if len(known) == len(found) else None

    def _is_inside(self, path: str) -> bool:
        is_plain = os.path.normpath(path) == path
        return is_plain and os.path.commonpath([self.directory, path]) == self.directory

    def _read_module(self, path: str) -> Object:
        known = next((module for known, module in self._paths() if known == path), None)
        if self.are_replaced or (known is not None and self.are_unloaded):
            self.opaque([self.everything])
        if isinstance(known, Object):
            return known
        module = Object("module")
        try:
            if len(self.program.slots) > _MAX_MODULES:
                raise too_much(path)
            tree = parse(path)
        except BasedirError:
            self.doubts += 1
            self.write_rest(module, self.unknown(f"needs {path}, which cannot be read"))
            return module
        name = Unknown(self.place, "depends on how it is imported")
        name.is_text = True
        for key, value in {"__file__": path, "__name__": name}.items():
            self.write(module, key, self.slot(value))
        try:
            self._execute(module, path, tree)
        except NotSetError:
            self.program.slots.pop(path, None)
            raise
        if not self.are_known:
            self.spoil(module, self.unknown("may be changed by a text that is executed before"))
        return module


def _find(directories: Sequence[str], name: str) -> str | None:
    """Return the file of a module, or None."""
    for directory in directories:
        for path in (f"{directory}/{name}/__init__.py", f"{directory}/{name}.py"):
            if os.path.isfile(path):
                return path
    return None
