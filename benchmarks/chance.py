"""Better, worse, or chance: how far two seeds of one run are apart says what a difference has to exceed.

The distance of one pair of seeds in one row is itself mostly chance: "better if beyond it" is wrong in a fourth to a
half of the cells where nothing changed.  So the pair's relative differences in one figure are pooled over the sets;
not over figures, since masks differ by ten times as much as normals do.
"""

import math
from collections.abc import Mapping

from scipy.stats import t

LESS_IS_BETTER = ("abs_rel", "normals_deg")
SURE = 0.99
"""How seldom, one in a hundred, a difference that is chance is called one."""

Figures = Mapping[str, Mapping[str, float]]
"""Set -> figure -> mean."""


def margins(first: Figures, second: Figures) -> dict[str, float]:
    """Figure -> how far, relatively, a run has to be off two seeds' mean for chance not to explain it.

    Student's t of as many sets as have the figure, times the root mean square of the relative difference of the two.
    (That of a single run from the mean of two varies a little less, by the root of 3/4.)
    """
    apart: dict[str, list[float]] = {}
    for name, of in first.items():
        for figure, value in of.items():
            total = value + second[name][figure]
            if not math.isnan(total) and total > 0:
                apart.setdefault(figure, []).append(2 * (value - second[name][figure]) / total)
    return {
        figure: float(t.ppf((1 + SURE) / 2, len(relative)))
        * math.sqrt(math.fsum(r * r for r in relative) / len(relative))
        for figure, relative in apart.items()
    }


def word(figure: str, value: float, control: float, margin: float) -> str:
    """What a run's figure is beside the control's."""
    gain = (value / control - 1) * (-1 if figure in LESS_IS_BETTER else 1)
    return "within chance" if abs(gain) <= margin else "better" if gain > 0 else "worse"


def legend(control: str, of: Mapping[str, float]) -> str:
    """What the words of a table mean."""
    each = ", ".join(f"{figure} {margin:.0%}" for figure, margin in of.items())
    return (
        f"Better or worse: off the mean of {control} by more than chance would be once in a hundred, by what two of "
        f"its seeds differ in that figure over all sets ({each}).  In brackets: how far the seeds are apart."
    )
