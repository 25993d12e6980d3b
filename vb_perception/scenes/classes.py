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
    SceneClass("chair", ("seat", "stool", "armchair")),
    SceneClass("sofa", ("couch", "settee")),
    SceneClass("shelf", ("bookshelf", "rack")),
    SceneClass("cabinet", ("cupboard", "wardrobe", "closet")),
    SceneClass("pillar", ("column", "post")),
    SceneClass("box", ("carton", "package", "cardboard box"), is_object=True),
    SceneClass("can", ("tin", "tin can", "soda can"), is_object=True),
    SceneClass("bowl", ("dish",), is_object=True),
    SceneClass("cup", ("mug", "coffee cup", "drinking glass"), is_object=True),
    SceneClass("bottle", ("flask",), is_object=True),
    SceneClass("ball", ("sphere",), is_object=True),
    SceneClass("plate", ("saucer",), is_object=True),
    SceneClass("book", ("notebook",), is_object=True),
    SceneClass("bed", ("mattress", "bunk")),
    SceneClass("lamp", ("light", "desk lamp")),
    SceneClass("plant", ("potted plant", "flower pot", "flowers")),
    SceneClass("television", ("tv", "tv set", "flat screen")),
    SceneClass("computer", ("monitor", "computer screen", "laptop")),
    SceneClass("sink", ("washbasin", "vanity")),
    SceneClass("toilet", ("lavatory", "urinal")),
    SceneClass("bathtub", ("bath", "tub")),
    SceneClass("refrigerator", ("fridge", "freezer")),
    SceneClass("oven", ("stove", "cooker", "microwave")),
    SceneClass("washing machine", ("washer", "dryer", "laundry machine")),
    SceneClass("radiator", ("heater", "heating")),
    SceneClass("fireplace", ("hearth",)),
    SceneClass("piano", ("grand piano",)),
    SceneClass("bin", ("trash can", "dustbin", "basket")),
    SceneClass("rug", ("carpet", "mat", "doormat")),
    SceneClass("curtain", ("drapes", "blind")),
    SceneClass("clothes", ("clothing", "shoes", "garment"), is_object=True),
    SceneClass("bag", ("handbag", "suitcase", "backpack"), is_object=True),
    SceneClass("vase", ("jar", "urn"), is_object=True),
    SceneClass("toy", ("plaything",), is_object=True),
    SceneClass("telephone", ("phone", "mobile phone"), is_object=True),
    SceneClass("device", ("gadget", "appliance", "electronic device"), is_object=True),
    SceneClass("food", ("snack", "meal"), is_object=True),
    SceneClass("tool", ("utensil", "cutlery", "pen"), is_object=True),
    SceneClass("pot", ("pan", "kettle", "teapot"), is_object=True),
    SceneClass("robot", ("robot arm", "manipulator", "gripper")),
)
"""Index 0 is the background; the order is what `class_ids` of a rendered sample mean, so only append."""

CLASS_NAMES = tuple(c.name for c in CLASSES)
CLASS_IDS = {name: index for index, name in enumerate(CLASS_NAMES)}
