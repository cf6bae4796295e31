"""Static analysis of function bodies: the names and values that they may change."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Uses(NamedTuple):
    """The names and values that the body of a function may change.

    Attributes:
        paths: the expressions whose values it may mutate, and constants for its imports.
        declared: the names that it declares ``global`` or ``nonlocal``.
        is_generator: whether the body runs later than the call.
    """

    paths: list[ast.expr]
    declared: set[str]
    is_generator: bool


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """Return all parameters of a function."""
    stars = [arg for arg in (arguments.vararg, arguments.kwarg) if arg]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *stars]


def find_uses(node: ast.AST) -> Uses:
    """Return the uses of a function, a lambda or a generator expression."""
    own, is_generator = _own_names(node)
    nodes = list(ast.walk(node))
    statements = [part for part in nodes if isinstance(part, ast.Global | ast.Nonlocal)]
    declared = {name for statement in statements for name in statement.names}
    paths: dict[tuple[object, ...], ast.expr] = {}
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.expr) and _is_path(part):
            *steps, root = _steps(part)
            if root not in own - declared:
                paths.setdefault((root, *steps), part)
        else:
            waiting += ast.iter_child_nodes(part)
    found = [*paths.values(), *map(ast.Constant, _imports(nodes))]
    return Uses(found, declared, is_generator)


def _steps(path: ast.expr) -> Iterator[object]:
    """Yield the attributes and keys in a chain of lookups, from the end; its first name is last."""
    while isinstance(path, ast.Attribute | ast.Subscript):
        yield path.attr if isinstance(path, ast.Attribute) else ast.dump(path.slice)
        path = path.value
    yield path.id if isinstance(path, ast.Name) else ""


def _imports(inside: Sequence[ast.AST]) -> set[str]:
    """Return the names of imported modules, without `os` unless the code uses its `environ`."""
    found = set()
    for part in inside:
        if isinstance(part, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in part.names}
        elif isinstance(part, ast.ImportFrom):
            found |= {(part.module or "").partition(".")[0], *(each.name for each in part.names)}
    uses_environ = "environ" in found or any(
        isinstance(part, ast.Attribute) and part.attr.startswith("environ") for part in inside
    )
    return found if uses_environ else found - {"os"}


def _is_path(node: ast.expr) -> bool:
    """Return whether `node` is a name, or a chain of constant lookups that starts from a name."""
    while isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Load):
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Constant):
            return False
        node = node.value
    return isinstance(node, ast.Name)


def _own_names(node: ast.AST) -> tuple[set[str], bool]:
    """Return the local names of a function, and whether its body runs later than the call."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return set(), True
    names = {arg.arg for arg in parameters(node.args)}
    yields = isinstance(node, ast.AsyncFunctionDef)
    waiting: list[ast.AST] = [*node.body] if isinstance(node.body, list) else [node.body]
    while waiting:
        part = waiting.pop()
        yields = yields or isinstance(part, ast.Yield | ast.YieldFrom)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
        if not isinstance(part, (*_SCOPES, *_COMPREHENSIONS)):
            waiting += ast.iter_child_nodes(part)
    return names, yields
