"""What the truth of a frame says in the words of a task: which pixels are "object", which are instances of one.

Words are compared as instructions are read: in upper or lower case, in the plural, with an article.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import FrameError
from vb_perception.instructions.phrases import ARTICLES, singulars
from vb_perception.scenes.classes import CLASSES, SceneClass
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import BACKGROUND

OBJECT = "object"
_BYTE = 256  # values of a byte
_Entry = TypeVar("_Entry", bound=np.generic)
_KNOWN = {word: c for c in CLASSES for word in (c.name, *c.synonyms)}


def true_objects(truth: Sample) -> NDArray[np.int16]:
    """Instance ids of the objects alone: tables, walls and other large things become 0; -1 stays unlabelled.

    Where nobody can tell whether an instance is an object (its class is unlabelled, or none of `CLASSES`) it is
    unlabelled too; where no class is labelled in the whole frame, every instance is taken for an object.
    """
    ids = truth.instance_ids.astype(np.int16)
    if not (truth.class_ids >= 0).any():
        return ids
    sort = np.array([_sort_of(name) for name in truth.class_names], np.int8)
    of_instances = _looked_up(sort, np.int8(-1), truth)
    ids[(ids > 0) & (of_instances == 0)] = 0
    ids[(ids > 0) & (of_instances < 0)] = -1
    return ids


def _sort_of(class_name: str) -> int:
    """1 of a class that is an object, 0 of a known one that is none, -1 of one that `CLASSES` does not know."""
    return 1 if means(OBJECT, class_name) else 0 if _known(class_name) else -1


def true_classes(names: Sequence[str], truth: Sample) -> NDArray[np.int16]:
    """True ids (H, W) as an index into `names`, 0 where the true class is none of them; -1 stays unlabelled.

    Where several names mean a class, any other wins over "object", and of others the last: "cup object" is the cups,
    and the objects that are none.
    """
    table = np.zeros(len(truth.class_names), np.int16)
    for i, name in sorted(enumerate(names), key=lambda pair: OBJECT not in _forms(pair[1])):
        if name != BACKGROUND:
            table[[means(name, class_name) for class_name in truth.class_names]] = i
    return _looked_up(table, np.int16(-1), truth)


def true_mask(name: str, truth: Sample) -> NDArray[np.bool_]:
    """Where a class of this name or synonym is (H, W); "object" means every class that is one."""
    table = np.array([means(name, class_name) for class_name in truth.class_names], np.bool_)
    return _looked_up(table, np.False_, truth)


def _looked_up(table: NDArray[_Entry], unlabelled: _Entry, truth: Sample) -> NDArray[_Entry]:
    """What the table (a row a class) says of each pixel (H, W)."""
    ids = truth.class_ids
    if int(ids.max(initial=-1)) >= len(table):
        msg = f"class id {int(ids.max())} is true, but the legend names {len(table)} classes: name every id"
        raise FrameError(msg)
    if len(table) < _BYTE and not (ids < -1).any():  # OpenCV looks bytes up several times as fast; -1 is 255 there
        whole = np.concatenate((table, np.full(_BYTE - len(table), unlabelled, table.dtype)))
        looked_up = cv2.LUT(ids.astype(np.uint8), whole.view(np.uint8) if table.dtype == np.bool_ else whole)
        return np.asarray(looked_up).view(table.dtype)
    return np.append(table, unlabelled).astype(table.dtype)[ids]


def is_labelled(name: str, class_names: Sequence[str]) -> bool:
    """Whether a legend has any class that `name` means: if not, its truth says nothing of it."""
    return any(means(name, class_name) for class_name in class_names)


@lru_cache(1 << 16)  # a data set has hundreds of classes, and they are the same in every frame
def means(name: str, class_name: str) -> bool:
    """Whether the word `name` means the class: both name one, or "object" for everything that is one."""
    known, named = _known(class_name), _known(name)
    if OBJECT in _forms(name) and known is not None and known.is_object:
        return True
    if known is not None or named is not None:
        return known is named
    return not set(_forms(name)).isdisjoint(_forms(class_name))


@lru_cache(1 << 12)
def _known(word: str) -> SceneClass | None:
    return next((_KNOWN[form] for form in _forms(word) if form in _KNOWN), None)


def _forms(word: str) -> tuple[str, ...]:
    """The word as it is compared, and what it may be the plural of."""
    words = word.lower().split()
    return singulars(" ".join(words[1:] if len(words) > 1 and words[0] in ARTICLES else words))
