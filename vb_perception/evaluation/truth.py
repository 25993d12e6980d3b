"""What the truth of a frame says in the words of a task: which pixels are "object", which are instances of one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vb_perception.scenes.classes import CLASSES
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import BACKGROUND

OBJECT = "object"
_KNOWN = {c.name: c for c in CLASSES}


def true_objects(truth: Sample) -> NDArray[np.int16]:
    """Instance ids of the objects alone: tables, walls and other large things become 0; -1 stays unlabelled."""
    ids = truth.instance_ids
    return np.where((ids > 0) & ~true_mask(OBJECT, truth), 0, ids).astype(np.int16)


def true_classes(names: Sequence[str], truth: Sample) -> NDArray[np.int16]:
    """True ids (H, W) as an index into `names`, 0 where the true class is none of them; -1 stays unlabelled."""
    ids = np.minimum(truth.class_ids, 0)
    for i, name in enumerate(names):
        if name != BACKGROUND:
            ids[true_mask(name, truth)] = i
    return ids


def true_mask(name: str, truth: Sample) -> NDArray[np.bool_]:
    """Where a class of this name or synonym is (H, W); "object" means every class that is one."""
    wanted = [means(name, class_name) for class_name in truth.class_names]
    table = np.array([*wanted, False])  # -1, unlabelled, reads the last
    return table[truth.class_ids]


def is_labelled(name: str, truth: Sample) -> bool:
    """Whether the truth's legend has any class that `name` means: if not, nothing can be said of it."""
    return any(means(name, class_name) for class_name in truth.class_names)


def means(name: str, class_name: str) -> bool:
    """Whether the word `name` means the class: its name, a synonym, or "object" for everything that is one."""
    scene_class = _KNOWN.get(class_name)
    if name == OBJECT and scene_class is not None and scene_class.is_object:
        return True
    return name == class_name or (scene_class is not None and name in scene_class.synonyms)
