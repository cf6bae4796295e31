"""Calls in an analysed program: its own functions, methods, and functions of other packages."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from mastersctl.reader import library
from mastersctl.reader.functions import Arguments
from mastersctl.reader.objects import Function, Method, Object, Unknown
from mastersctl.reader.standard import Standard


class Calls(Standard):
    """Evaluates calls."""

    def visit_Call(self, node: ast.Call) -> object:
        function = self.evaluate(node.func)
        positional, is_exact = self.parts(node.args)
        named: dict[str, object] = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value)
            if keyword.arg is not None:
                named[keyword.arg] = value
            elif isinstance(value, Object) and value.kind == "dict" and value.is_known:
                named |= {str(key): self.read(slot) for key, slot in value.slots.items()}
            else:
                is_exact = False
                positional.append(value)
        return self.call(function, Arguments(positional, named, is_exact, node))

    def call(self, function: object, given: Arguments) -> object:
        """Return the value of a call."""
        if isinstance(function, Function):
            return self.run_function(function, given)
        if isinstance(function, Method):
            return self._call_method(function.owner, function.name, given)
        name = function.name if isinstance(function, Unknown) else ""
        if name.rpartition(".")[2] in library.LOADERS or given.function in library.LOADERS:
            self._load_variables(given)
        if name in ("builtins.setattr", "builtins.type"):
            for value in self.reach(given.values):
                if isinstance(value, Function):
                    value.is_changed = value.is_method = True
        special = self.SPECIAL.get(name)
        if special is not None and given.is_exact:
            return self._call_special(special, given.positional, given)
        if name in library.FUNCTIONS and given.is_exact:
            return self.carry_out(library.FUNCTIONS[name], given.positional, given.named, True)
        calls_back = any(isinstance(value, Function) for value in given.values)
        if not calls_back and name in library.MAKE_TEXTS | library.MAKE_CONTAINERS:
            return self.touch(given.values, is_text=name in library.MAKE_TEXTS)
        return self._call_unknown(function, name, given)

    def _call_unknown(self, function: object, name: str, given: Arguments) -> object:
        """Return the value of a call to a function that the reader does not model."""
        held = function.region.root().values if isinstance(function, Unknown) else {}
        changes_all = id(self.everything) in held
        is_outside = isinstance(function, Unknown) and not changes_all and (name != "" or not held)
        is_defined_by_exec = id(self.program) in held and not changes_all
        changes_owner = given.function in library.CHANGE_DICTIONARIES
        values = [function, *given.values]
        if is_outside or (is_defined_by_exec and not changes_owner):
            values = given.values  # code of another package mutates its arguments alone
        result = self.opaque(values, given.what, is_outside)
        if isinstance(function, Unknown) and function.remedy:
            result.place, result.why, result.remedy = function.place, function.why, function.remedy
        elif given.function and not result.remedy:
            result.why = f"is computed by {given.function}()"
        return result

    def _call_special(
        self, function: Callable[..., object], positional: Sequence[object], given: Arguments
    ) -> object:
        """Call the model of a function or method; a call that does not fit it is opaque."""
        try:
            return function(self, *positional, **given.named)
        except (TypeError, library.UntoldError):
            return self.opaque([*positional, *given.named.values()])

    def _load_variables(self, given: Arguments) -> None:
        """Note that a file sets environment variables: the unset ones, or all of them."""
        why = "comes from a file of environment variables"
        keeps = len(given.positional) <= 1 and all(
            name in library.LOADERS_ARGUMENTS or value is False
            for name, value in given.named.items()
        )
        if keeps and given.is_exact:
            self.write_rest(self.environ, self.unknown(why))
        else:
            self.spoil(self.environ, self.unknown(why))

    # Methods

    def _call_method(self, owner: object, name: str, given: Arguments) -> object:
        special = None
        if given.named and owner is not self.environ:
            self.doubts += 1  # few methods take keyword arguments
        if isinstance(owner, Object):
            special = self.METHODS.get((owner.kind, name))
        elif isinstance(owner, PurePosixPath):
            special = self.PATH_METHODS.get(name)
        if special is not None and given.is_exact:
            return self._call_special(special, [owner, *given.positional], given)
        if isinstance(owner, Object):
            return self.opaque([owner, *given.values], given.what)
        try:
            function = library.method(owner, name)
        except library.UntoldError:
            return self.touch(given.values, is_text=True)
        if not given.is_exact:
            return self.touch(given.values, is_text=True)
        return self.carry_out(function, given.positional, given.named, is_text=True)
