"""What a YAML holds, as a dataclass: each value is of the type that its field is annotated with, or is refused."""

import dataclasses
import difflib
import math
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from vb_perception.errors import ConfigError

T = TypeVar("T")


def checked(kind: type[T], values: object, where: str) -> T:
    """The dataclass `kind` of these values; `where` says in messages what holds them.

    Numbers may be written as text: of 1e-3 YAML makes a str.

    Raises:
        ConfigError: a key is unknown or missing, or a value of another type.
    """
    if not isinstance(values, dict):
        raise _refused(where, values, "keys and values")
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            nearest = difflib.get_close_matches(str(key), fields, 1, 0.0)[0]
            msg = f"{where}: unknown key {key!r}; did you mean {nearest!r}?"
            raise ConfigError(msg)
    needed = [n for n, f in fields.items() if f.default is f.default_factory is dataclasses.MISSING]
    missing = [name for name in needed if name not in values]
    if missing:
        msg = f"{where}: no {', '.join(missing)}; expected at least {', '.join(needed)}"
        raise ConfigError(msg)
    types = get_type_hints(kind)
    return kind(**{key: _of(types[key], value, f"{where}: {key}") for key, value in values.items()})


def _of(wanted: Any, value: object, where: str) -> Any:  # noqa: ANN401 (a type, and a value of it)
    """The value as the wanted type."""
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is UnionType:
        return None if value is None else _of(parts[0], value, where)
    if dataclasses.is_dataclass(wanted):
        return checked(wanted, value, where)  # type: ignore[arg-type]
    if origin is tuple:
        return _tuple(parts, value, where)
    if origin is dict:
        return _dict(parts[1], value, where)
    if wanted in (int, float):
        return _number(wanted, value, where)
    if wanted is not Any and not isinstance(value, wanted):
        raise _refused(where, value, "true or false" if wanted is bool else "text")
    return value


def _tuple(parts: tuple[Any, ...], value: object, where: str) -> tuple[Any, ...]:
    if parts == (str, ...) and isinstance(value, str):
        return (value,)  # one needs no list
    any_length = parts[-1] is ...
    if not isinstance(value, list | tuple) or not (any_length or len(value) == len(parts)):
        raise _refused(where, value, "a list" if any_length else f"a list of {len(parts)}")
    return tuple(_of(parts[0], one, f"{where}[{i}]") for i, one in enumerate(value))


def _dict(wanted: Any, value: object, where: str) -> dict[str, Any]:  # noqa: ANN401 (a type)
    if not isinstance(value, dict):
        raise _refused(where, value, "keys and values")
    for key in value:
        _of(str, key, f"{where}: key")
    return {key: _of(wanted, one, f"{where}: {key}") for key, one in value.items()}


def _number(wanted: type[int | float], value: object, where: str) -> float:
    expected = "a whole number" if wanted is int else "a number"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _refused(where, value, expected)
    try:
        number = float(value)
    except ValueError as error:
        raise _refused(where, value, expected) from error
    if math.isnan(number) or (wanted is int and not number.is_integer()):
        raise _refused(where, value, expected)
    return number if wanted is float else int(number)


def _refused(where: str, value: object, expected: str) -> ConfigError:
    return ConfigError(f"{where}: got {value!r}, expected {expected}")
