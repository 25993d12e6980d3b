"""Rendered benches in the words of OSD, so that their objects stand on its table and its objects on theirs."""

from dataclasses import replace

import numpy as np

from vb_perception.scenes.osd import OSD_CLASSES
from vb_perception.scenes.sample import Sample, Samples

TOP_M, TOP_COS = 0.01, 0.98
"""How far from the plane of the table's top, and how much turned from it, a pixel may be to be of it."""


class Benches:
    """Benches (`scenes/bench.py`) with the classes of OSD."""

    def __init__(self, benches: Samples) -> None:
        """Rendered ones, with the classes of all scenes."""
        self._benches = benches

    def __len__(self) -> int:
        """Number of benches."""
        return len(self._benches)

    def __getitem__(self, i: int) -> Sample:
        """Bench `i`."""
        return in_words_of_osd(self._benches[i])


def in_words_of_osd(sample: Sample) -> Sample:
    """What has an instance is an object, the top that most of the table's pixels are of is the table, the rest nothing.

    Legs and other tables are no part of it: they are not in the plane that objects stand on.
    """
    table = (sample.class_ids == sample.class_names.index("table")) & (sample.instance_ids == 0)
    if table.any():
        normal = np.median(sample.normals[table], 0)
        points = sample.intrinsics.unproject(sample.depth_m)
        away_m = np.einsum("hwc,c->hw", points, normal)
        flat = np.einsum("hwc,c->hw", sample.normals, normal) > TOP_COS * np.linalg.norm(normal)
        table &= flat & (np.abs(away_m - np.median(away_m[table & flat])) < TOP_M)
    classes = np.select((sample.instance_ids > 0, table), (OSD_CLASSES.index("object"), OSD_CLASSES.index("table")), 0)
    return replace(sample, class_ids=classes.astype(np.int16), class_names=OSD_CLASSES)
