"""The error tree in the docstring is the tree of classes."""

import inspect
import re

from vb_perception import errors


def _drawn_parents() -> dict[str, str]:
    """Child -> parent as drawn: the parent is the last name that starts further left."""
    parents: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in inspect.getdoc(errors).splitlines():  # type: ignore[union-attr]
        found = re.match(r"^([ |]*(?:\+- )?)(\w+Error)\b", line)
        if found is None:
            continue
        depth, name = len(found[1]), found[2]
        path = [(d, n) for d, n in path if d < depth]
        if path:
            parents[name] = path[-1][1]
        path.append((depth, name))
    return parents


def test_docstring_draws_every_class_below_its_parent() -> None:
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c is not errors.VbPerceptionError]
    assert _drawn_parents() == {c.__name__: c.__mro__[1].__name__ for c in classes}


def test_all_can_be_caught_as_one_and_none_hides_a_python_error() -> None:
    for _, error in inspect.getmembers(errors, inspect.isclass):
        assert issubclass(error, errors.VbPerceptionError)
        assert not issubclass(error, ValueError | OSError | RuntimeError)
