"""The tasks that tell things apart by colour: classes, instances, the one thing of a phrase, edges."""

from dataclasses import dataclass

import numpy as np

from vb_perception.codecs.fragments import absorb_fragments
from vb_perception.codecs.guided import follow_picture
from vb_perception.codecs.instances import decode_instances, encode_instances
from vb_perception.codecs.palette import Colour, nearest_colour
from vb_perception.codecs.segments import decode_mask, encode_segments
from vb_perception.codecs.slots import slot_colours
from vb_perception.codecs.vote import vote
from vb_perception.errors import ConfigError
from vb_perception.predictions import Prediction, SegmentMap
from vb_perception.tasks.task import RGB, PromptToken, expect

BLACK: Colour = (0, 0, 0)
BACKGROUND = "background"
MAX_THINGS = 14
ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"),
)
"""What the instances of a noun are called, one a slot of the codec."""
VOTE_SHARE = 1 / 40
"""Of the picture's height: how far the vote on which instance a pixel is of reaches to each side."""
FOLLOW_SHARE = 1 / 32
"""Of the picture's height: how far what is painted and what the camera saw are compared to each side."""
RING_REACH_SHARE = 1 / 96
"""Of the picture's height: what is so near to a fragment surrounds it."""


@dataclass(frozen=True, slots=True)
class SemanticSegmentation:
    """Named classes, each in the colour that `legend` asks for; everything else in the background colour."""

    legend: tuple[tuple[str, Colour], ...]
    background: Colour = BLACK
    name: str = "segmentation"

    def __post_init__(self) -> None:
        """Refuse legends that cannot be decoded."""
        if not 1 <= len(self.legend) <= MAX_THINGS:
            msg = f"segmentation of {len(self.legend)} classes: expected 1 to {MAX_THINGS}; split them over two tasks"
            raise ConfigError(msg)
        colours = [*(c for _, c in self.legend), self.background]
        if len(set(colours)) != len(colours):
            msg = (
                f"segmentation legend {self.legend} with background {self.background}: "
                "give every class a colour of its own"
            )
            raise ConfigError(msg)

    @property
    def prompt(self) -> str:
        """The legend in the paper's JSON-like form."""
        rows = [*self.legend, (BACKGROUND, self.background)]
        mapping = ", ".join(f'"{phrase}": <{r}, {g}, {b}>' for phrase, (r, g, b) in rows)
        return f"Generate a visualization image of semantic segmentation, using this color mapping: {{{mapping}}}"

    @property
    def tokens(self) -> tuple[PromptToken, ...]:
        """The task, the background, then each class with its colour."""
        things = tuple(PromptToken("thing", phrase, colour) for phrase, colour in self.legend)
        return (
            PromptToken("task", "semantic segmentation"),
            PromptToken("background", BACKGROUND, self.background),
            *things,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names by id; 0 is the background."""
        return (BACKGROUND, *(phrase for phrase, _ in self.legend))

    @property
    def colours(self) -> tuple[Colour, ...]:
        """Colours by id; 0 is the background."""
        return (self.background, *(colour for _, colour in self.legend))

    def encode(self, truth: Prediction) -> RGB:
        """Paint a SegmentMap whose ids follow `names`."""
        return encode_segments(expect(truth, SegmentMap).ids, self.colours)

    def decode(self, rgb: RGB, _picture: RGB | None = None, /) -> SegmentMap:
        """The class whose colour is nearest, for each pixel."""
        ids, confidence = nearest_colour(rgb, self.colours)
        return SegmentMap(ids, self.names, confidence)


@dataclass(frozen=True, slots=True)
class InstanceSegmentation:
    """Every instance of one noun in a colour of its own: which of a dozen is chosen by the generator."""

    noun: str
    background: Colour = BLACK
    name: str = "instances"

    @property
    def prompt(self) -> str:
        """The paper's instruction."""
        r, g, b = self.background
        return (
            "Generate an instance segmentation visualization of this image. "
            f"Each {self.noun} is colored differently. The background is ({r}, {g}, {b})."
        )

    @property
    def tokens(self) -> tuple[PromptToken, ...]:
        """The task, the background, the noun without a colour, and the colours that its instances may have."""
        named = zip(ORDINALS, slot_colours(self.background), strict=True)
        return (
            PromptToken("task", "instance segmentation"),
            PromptToken("background", BACKGROUND, self.background),
            PromptToken("thing", self.noun),
            *(PromptToken("instance", ordinal, colour) for ordinal, colour in named),
        )

    def encode(self, truth: Prediction) -> RGB:
        """Paint a SegmentMap whose ids count the instances."""
        return encode_instances(expect(truth, SegmentMap).ids, self.background)

    def decode(self, rgb: RGB, picture: RGB | None = None, /) -> SegmentMap:
        """Instance ids: the nearest colour, borders as in the picture, a vote, the paper's five stages, and fragments.

        Borders (ours, `codecs/guided.py`): they move to the edges of the picture, which is finer than what is painted.
        The vote (ours): a thing's pixel takes the colour of most of the things' pixels near it.  Without it specks of
        another colour break up what is one.  Fragments (ours, `codecs/fragments.py`): small instances that another one
        surrounds are parts of it.  Confidence is the nearest colour's margin; none where any of these said otherwise
        than what is painted.
        """
        palette = (self.background, *slot_colours(self.background))
        nearest, confidence = nearest_colour(rgb, palette)
        height = rgb.shape[0]
        followed = nearest if picture is None else follow_picture(nearest, picture, round(height * FOLLOW_SHARE))
        voted = vote(followed, round(height * VOTE_SHARE))
        apart = decode_instances(np.array(palette, np.uint8)[voted], self.background)
        ids, absorbed = absorb_fragments(apart, round(height * RING_REACH_SHARE))
        confidence[((ids == 0) & (nearest > 0)) | (voted != nearest) | absorbed] = 0
        names = (BACKGROUND, *(f"{self.noun} {i}" for i in range(1, int(ids.max(initial=0)) + 1)))
        return SegmentMap(ids, names, confidence)


@dataclass(frozen=True, slots=True)
class ReferringSegmentation:
    """The one thing that a phrase refers to, in one colour."""

    phrase: str
    colour: Colour = (255, 255, 0)
    background: Colour = BLACK
    name: str = "referring"

    def __post_init__(self) -> None:
        """Refuse a mask that cannot be told from its background."""
        if self.colour == self.background:
            msg = (
                f"referring segmentation of {self.phrase!r}: its colour {self.colour} is also the background; "
                "choose another"
            )
            raise ConfigError(msg)

    @property
    def prompt(self) -> str:
        """The paper's instruction."""
        return (
            f"This image shows segmentation masks from the given image. The background is {self.background}. "
            f"The {self.phrase} is represented by {self.colour}."
        )

    @property
    def tokens(self) -> tuple[PromptToken, ...]:
        """The task, the background, and the phrase with its colour."""
        return (
            PromptToken("task", "referring segmentation"),
            PromptToken("background", BACKGROUND, self.background),
            PromptToken("thing", self.phrase, self.colour),
        )

    def encode(self, truth: Prediction) -> RGB:
        """Paint a SegmentMap; every id above 0 is the thing."""
        ids = (expect(truth, SegmentMap).ids > 0).astype(np.uint16)
        return encode_segments(ids, (self.background, self.colour))

    def decode(self, rgb: RGB, _picture: RGB | None = None, /) -> SegmentMap:
        """The pixels nearer to the phrase's colour than to the background's."""
        mask, confidence = decode_mask(rgb, self.colour, self.background)
        return SegmentMap(mask.astype(np.uint16), (BACKGROUND, self.phrase), confidence)


@dataclass(frozen=True, slots=True)
class EdgeMap:
    """Where one thing ends and another begins, and where a surface folds, in one colour."""

    colour: Colour = (255, 255, 255)
    background: Colour = BLACK
    name: str = "edges"

    def __post_init__(self) -> None:
        """Refuse edges that cannot be told from the background."""
        if self.colour == self.background:
            msg = f"edge map: the colour of the edges {self.colour} is also the background; choose another"
            raise ConfigError(msg)

    @property
    def prompt(self) -> str:
        """The instruction (ours)."""
        return (
            f"Generate an edge map of the input image. The edges are {self.colour}, the background {self.background}."
        )

    @property
    def tokens(self) -> tuple[PromptToken, ...]:
        """The task, the background, and the edges with their colour."""
        return (
            PromptToken("task", "edge map"),
            PromptToken("background", BACKGROUND, self.background),
            PromptToken("thing", "edge", self.colour),
        )

    def encode(self, truth: Prediction) -> RGB:
        """Paint a SegmentMap; every id above 0 is an edge."""
        ids = (expect(truth, SegmentMap).ids > 0).astype(np.uint16)
        return encode_segments(ids, (self.background, self.colour))

    def decode(self, rgb: RGB, _picture: RGB | None = None, /) -> SegmentMap:
        """The pixels nearer to the edges' colour than to the background's."""
        mask, confidence = decode_mask(rgb, self.colour, self.background)
        return SegmentMap(mask.astype(np.uint16), (BACKGROUND, "edge"), confidence)
