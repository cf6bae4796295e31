"""Scopes of an analysed program: the names that functions and classes bind and declare."""

from __future__ import annotations

import ast
import functools
from collections.abc import Sequence, Set

from mastersctl.reader.objects import Object
from mastersctl.reader.uses import parameters

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def declare(scope: Object, node: ast.AST) -> None:
    """Record the names that the scope of a function or a class binds and declares."""
    scope.bound, scope.globals, scope.nonlocals = _names(node)


@functools.cache
def _names(node: ast.AST) -> tuple[Set[str], Set[str], Set[str]]:
    names: dict[str, set[str]] = {"bound": set(), "global": set(), "nonlocal": set()}
    if isinstance(node, _FUNCTIONS):
        names["bound"] = {arg.arg for arg in parameters(node.args)}
    body = getattr(node, "body", [])
    waiting: list[ast.AST] = [*body] if isinstance(body, list) else [body]
    while waiting:
        part = waiting.pop()
        _note(part, names)
        if isinstance(part, _COMPREHENSIONS):
            waiting += [p for p in ast.walk(part) if isinstance(p, ast.NamedExpr)]
        elif isinstance(part, ast.ClassDef):
            waiting += [*part.decorator_list, *part.bases, *part.keywords]
        elif isinstance(part, _FUNCTIONS):
            waiting += [part.args, *getattr(part, "decorator_list", [])]
        else:
            waiting += ast.iter_child_nodes(part)
    declared = names["global"], names["nonlocal"]
    return names["bound"].difference(*declared), *declared


def _note(part: ast.AST, names: dict[str, set[str]]) -> None:
    match part:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            names["bound"].add(name)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            names["bound"].add(name)
        case ast.alias(name=name, asname=other):
            names["bound"].add(other or name.partition(".")[0])
        case ast.ExceptHandler(name=str(name)) | ast.MatchMapping(rest=str(name)):
            names["bound"].add(name)
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            names["bound"].add(name)
        case ast.Global(names=declared):
            names["global"].update(declared)
        case ast.Nonlocal(names=declared):
            names["nonlocal"].update(declared)


def visible(scopes: Sequence[Object]) -> list[Object]:
    """Return those of the current scopes that are visible inside a function."""
    return [scope for scope in scopes if scope.kind != "class"]


def make_class(names: Object, bases: Sequence[object]) -> None:
    """Make `names` the namespace of a class with these bases.

    Raises:
        TypeError: no class can have these bases.
    """
    mirrors = tuple(base.mirror for base in bases if isinstance(base, Object))
    names.mirror = type("Mirror", mirrors, {"of": names})


def mro(names: Object) -> list[Object]:
    """Return a class and its bases, in method resolution order."""
    found = [vars(mirror).get("of") for mirror in names.mirror.__mro__]
    return [each for each in found if isinstance(each, Object)] or [names]
