"""The classes that the procedural scenes know, and the words that people use for them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SceneClass:
    """One class: its name, other phrases for it, and whether it is an object that a hand can move."""

    name: str
    synonyms: tuple[str, ...] = ()
    is_object: bool = False


CLASSES = (
    SceneClass("background"),
    SceneClass("floor", ("ground",)),
    SceneClass("wall", ("walls",)),
    SceneClass("ceiling"),
    SceneClass("door", ("doorway", "door leaf")),
    SceneClass("window", ("window pane",)),
    SceneClass("picture", ("poster", "painting")),
    SceneClass("table", ("desk", "table top", "workbench")),
    SceneClass("chair", ("seat", "stool")),
    SceneClass("sofa", ("couch", "settee")),
    SceneClass("shelf", ("bookshelf", "rack")),
    SceneClass("cabinet", ("cupboard", "wardrobe", "closet")),
    SceneClass("pillar", ("column", "post")),
    SceneClass("box", ("carton", "package", "cardboard box"), is_object=True),
    SceneClass("can", ("tin", "tin can", "soda can"), is_object=True),
    SceneClass("bowl", ("dish",), is_object=True),
    SceneClass("cup", ("mug", "coffee cup"), is_object=True),
    SceneClass("bottle", ("flask",), is_object=True),
    SceneClass("ball", ("sphere",), is_object=True),
    SceneClass("plate", ("saucer",), is_object=True),
    SceneClass("book", ("notebook",), is_object=True),
)
"""Index 0 is the background; the order is what `class_ids` of a rendered sample mean, so only append."""

CLASS_NAMES = tuple(c.name for c in CLASSES)
CLASS_IDS = {name: index for index, name in enumerate(CLASS_NAMES)}
