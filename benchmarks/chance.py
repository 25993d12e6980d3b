"""Better, worse, or chance: how far two seeds of one run are apart says what a difference has to exceed.

The distance of one pair of seeds in one figure is itself mostly chance: "better if beyond it" is wrong in a fourth to a
half of the cells where nothing changed.  So the pair's relative differences in all figures are pooled into one spread.
"""

import math
from collections.abc import Mapping

LESS_IS_BETTER = ("abs_rel", "normals_deg")
TIMES = 3
"""A difference counts beyond so many of these spreads."""

Figures = Mapping[str, Mapping[str, float]]
"""Set -> figure -> mean."""


def spread(first: Figures, second: Figures) -> float:
    """Standard deviation, about zero, of the relative difference of two seeds of a run, over all their figures."""
    pairs = [(value, second[name][figure]) for name, of in first.items() for figure, value in of.items()]
    relative = [2 * (a - b) / (a + b) for a, b in pairs if not math.isnan(a + b) and a + b > 0]
    return math.sqrt(math.fsum(r * r for r in relative) / len(relative))


def word(figure: str, value: float, control: float, chance: float) -> str:
    """What a run's figure is beside the control's, at a `spread` of `chance`."""
    gain = (value / control - 1) * (-1 if figure in LESS_IS_BETTER else 1)
    return "within chance" if abs(gain) <= TIMES * chance else "better" if gain > 0 else "worse"


def legend(control: str, chance: float) -> str:
    """What the words of a table mean."""
    return (
        f"Better or worse: off the mean of {control} by more than {TIMES * chance:.0%} of it, {TIMES} times the "
        f"standard deviation ({chance:.1%}) of the relative difference of two seeds of {control} over all its "
        "figures.  In brackets: how far the seeds are apart."
    )
