"""What a thing behind an entry point says of itself: a line of its docstring, read without importing it."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path


def first_line(module: str, attribute: str, alone: bool) -> str:
    """The first line of a docstring, without full stop and marks of code; empty where there is none to read.

    Parameters
    ----------
    module, attribute : str
        What an entry point names.
    alone : bool
        Whether the module registers nothing else; then its own docstring says it, else that of the function or class.
    """
    tree = _tree(module)
    own, whole = _of(tree, attribute), ast.get_docstring(tree) or ""
    line = next(filter(None, ((whole, own) if alone else (own, whole))), "").partition("\n")[0]
    return re.sub(r"`+", "", line).strip().removesuffix(".")


def _tree(module: str) -> ast.Module:
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
        places = [Path(place, *rest) for place in (spec.submodule_search_locations or ()) if spec] if spec else []
        files = [
            file for place in places for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()
        ]
        files += [Path(spec.origin)] if spec is not None and not rest and spec.origin and not files else []
        return ast.parse(files[0].read_text(encoding="utf-8")) if files else ast.Module([], [])
    # a package that can't be read has nothing to say here; loading what it brings says why
    except (ImportError, ValueError, SyntaxError, OSError):
        return ast.Module([], [])


def _of(tree: ast.Module, name: str) -> str:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return ast.get_docstring(node) or ""
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _of(_tree(node.module), alias.name)
    return ""
