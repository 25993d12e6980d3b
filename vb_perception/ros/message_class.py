"""Message types by name."""

from importlib import import_module
from typing import Any

from vb_perception.errors import BagError


def message_class(msgtype: str) -> type[Any]:
    """The class of "package/msg/Name"; raises BagError if that package is not in this environment."""
    package, _, name = msgtype.split("/")
    try:
        found: type[Any] = getattr(import_module(f"{package}.msg"), name)
    except (ImportError, AttributeError) as error:
        msg = f"message type {msgtype} cannot be imported ({error}); install or source the package {package}"
        raise BagError(msg) from error
    return found


def has_header(kind: type[Any]) -> bool:
    """Whether the type's first field is a std_msgs/Header."""
    fields = kind.get_fields_and_field_types()
    return next(iter(fields.items()), None) == ("header", "std_msgs/Header")
