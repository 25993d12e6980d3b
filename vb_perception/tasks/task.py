"""What a task is: the rows of its prompt, and the five things that every task can tell or do."""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from vb_perception.codecs.palette import Colour
from vb_perception.errors import ConfigError
from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap

RGB = NDArray[np.uint8]
_P = TypeVar("_P", DepthMap, NormalMap, SegmentMap)
Role = Literal["task", "thing", "background", "stop", "instance"]


@dataclass(frozen=True, slots=True)
class PromptToken:
    """One row of a prompt: what is named, and the colour asked for it (None: the generator chooses).

    Instances have a number and a colour; which noun they are instances of is said by the one thing without a colour.
    The stops of a colour map are rows too: they name nothing (their phrase is empty), and the colour beside the map
    that means the same value with no confidence is `unsure`.
    """

    role: Role
    phrase: str
    colour: Colour | None = None
    unsure: Colour | None = None


@runtime_checkable
class Task(Protocol):
    """What the generator is asked to paint, and how its answer is read."""

    @property
    def name(self) -> str:
        """Short name, unique among the tasks of one node; also the topic's name."""
        ...

    @property
    def prompt(self) -> str:
        """The instruction in words, as the paper phrases it."""
        ...

    @property
    def tokens(self) -> tuple[PromptToken, ...]:
        """The instruction as the generator reads it: the task first, then each named thing."""
        ...

    def encode(self, truth: Prediction) -> RGB:
        """The image (H, W, 3) that means `truth`."""
        ...

    def decode(self, rgb: RGB, picture: RGB | None = None, /) -> Prediction:
        """What a generated image (H, W, 3) means; `picture` is what the camera saw, at the same size, if that helps."""
        ...


def expect(truth: Prediction, kind: type[_P]) -> _P:
    """The truth as the kind of prediction that a task paints.

    Raises:
        ConfigError: It is of another kind.
    """
    if not isinstance(truth, kind):
        msg = f"this task paints a {kind.__name__}, got a {type(truth).__name__}"
        raise ConfigError(msg)
    return truth
