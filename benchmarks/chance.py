"""Better, worse, or chance: how far two seeds of one run are apart says what a difference has to exceed.

The distance of one pair of seeds in one row is itself mostly chance: "better if beyond it" is wrong in a fourth to a
half of the cells where nothing changed.  So the relative differences of seeds in one figure are pooled over the sets;
not over figures, since masks differ by ten times as much as normals do.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from scipy.stats import t

LESS_IS_BETTER = ("abs_rel", "normals_deg")
SURE = 0.99
"""How seldom, one in a hundred, a difference that is chance is called one."""

Figures = Mapping[str, Mapping[str, float]]
"""Set -> figure -> mean."""


def margins(groups: Sequence[Sequence[Figures]], means: tuple[int, int] = (1, 1)) -> dict[str, float]:
    """Figure -> how far apart, relatively, two means of so many seeds have to be for chance not to explain it.

    Student's t times the root mean square of what the seeds of a group are off their mean, over groups and sets.  (A
    single run may be asked beside the mean of two as if that were one, which is careful.)
    """
    off: dict[str, list[float]] = {}
    degrees: Counter[str] = Counter()
    for group in groups:
        for name, of in group[0].items():
            for figure in of:
                values = [run[name][figure] for run in group]
                mean = math.fsum(values) / len(values)
                if mean > 0:  # and no NaN
                    off.setdefault(figure, []).extend(value / mean - 1 for value in values)
                    degrees[figure] += len(group) - 1
    between = math.sqrt(1 / means[0] + 1 / means[1])
    return {
        figure: between
        * float(t.ppf((1 + SURE) / 2, degrees[figure]))
        * math.sqrt(math.fsum(r * r for r in relative) / degrees[figure])
        for figure, relative in off.items()
    }


def word(figure: str, value: float, control: float, margin: float) -> str:
    """What a run's figure is beside the control's."""
    gain = (value / control - 1) * (-1 if figure in LESS_IS_BETTER else 1)
    return "within chance" if abs(gain) <= margin else "better" if gain > 0 else "worse"


def legend(control: str, of: Mapping[str, float]) -> str:
    """What the words of a table mean."""
    each = ", ".join(f"{figure} {margin:.0%}" for figure, margin in of.items())
    return (
        f"Better or worse: off the mean of {control} by more than chance would be once in a hundred, by what seeds "
        f"differ in that figure over all sets ({each}).  In brackets: how far the seeds are apart."
    )
