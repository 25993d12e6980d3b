"""The gallery as one PNG: a row a frame, a column an answer, the colour bar of depth and the legend below."""

from pathlib import Path

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from vb_perception.evaluation.gallery import Gallery
from vb_perception.evaluation.pictures import RGB, UNKNOWN, class_colours, depth_colours

_INCHES_PER_COLUMN = 2.9
_DPI = 130
_INK, _PAPER = "#1c2330", "#ffffff"


def write_contact_sheet(path: Path, gallery: Gallery, title: str, *, with_truth: bool = False) -> None:
    """Write the PNG.  `with_truth`: below each frame that has truth a second row shows it."""
    columns = gallery.columns
    rows = []
    for shot in gallery.shots:
        rows.append((shot.title, shot.pictures))
        if with_truth and shot.truth:
            rows.append(("truth", {"input": shot.pictures["input"], **shot.truth}))
    if not rows:
        return
    tallest = max(picture.shape[0] / picture.shape[1] for _, pictures in rows for picture in pictures.values())
    width_in = _INCHES_PER_COLUMN * len(columns)
    size = (width_in, 0.96 * _INCHES_PER_COLUMN * tallest * len(rows) * 1.02 + 1.25)
    figure = Figure(figsize=size, dpi=_DPI, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    top, bottom = 1 - 0.62 / size[1], 0.63 / size[1]
    grid = figure.add_gridspec(
        len(rows), len(columns), left=0.035, right=0.995, top=top, bottom=bottom, wspace=0.02, hspace=0.03
    )
    for r, (label, pictures) in enumerate(rows):
        for c, column in enumerate(columns):
            axes = figure.add_subplot(grid[r, c])
            axes.set_axis_off()
            if column in pictures:
                axes.imshow(_fitted(pictures[column]))
            if r == 0:
                axes.set_title(column, fontsize=12, color=_INK, pad=5)
            if c == 0:
                text = axes.text(-0.03, 0.5, label, color=_INK, fontsize=8, rotation=90, ha="right", va="center")
                text.set_transform(axes.transAxes)
    figure.text(0.035, 1 - 0.21 / size[1], title, fontsize=14, weight="bold", color=_INK, va="center")
    _depth_bar(figure, gallery, size[1])
    _legend(figure, gallery, size[1])
    figure.savefig(path, facecolor=_PAPER)


def _fitted(picture: RGB) -> RGB:
    """The picture at the size in which it is printed: cv2 averages faster than matplotlib resamples."""
    width = round(_INCHES_PER_COLUMN * _DPI)
    size = (width, round(picture.shape[0] * width / picture.shape[1]))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _depth_bar(figure: Figure, gallery: Gallery, height_in: float) -> None:
    axes = figure.add_axes((0.035, 0.36 / height_in, 0.3, 0.13 / height_in))
    scale = ScalarMappable(Normalize(*gallery.range_m), ListedColormap(depth_colours() / 255))
    bar = figure.colorbar(scale, cax=axes, orientation="horizontal")
    bar.set_label("depth [m]; dark: unknown", fontsize=8, color=_INK, labelpad=1)
    bar.ax.tick_params(labelsize=8, colors=_INK, length=2)
    bar.outline.set_visible(False)


def _legend(figure: Figure, gallery: Gallery, height_in: float) -> None:
    shown = [*list(zip(gallery.classes, class_colours(len(gallery.classes)), strict=True))[1:], ("unknown", UNKNOWN)]
    patches = [Patch(color=(red / 255, green / 255, blue / 255), label=name) for name, (red, green, blue) in shown]
    place = (0.4, 0.38 / height_in)
    figure.legend(
        handles=patches, loc="center left", bbox_to_anchor=place, ncols=8, frameon=False, fontsize=10, labelcolor=_INK
    )
