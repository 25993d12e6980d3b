"""Reads an instruction clause by clause; what is left over is an error, so that no wish is dropped silently."""

import difflib
import re
from dataclasses import dataclass, field
from typing import NoReturn

from vb_perception.codecs.colour_maps import COLOUR_MAPS, RAINBOW
from vb_perception.codecs.depth import DepthCodec
from vb_perception.codecs.palette import COLOUR_NAMES, Colour
from vb_perception.errors import ConfigError
from vb_perception.instructions.clauses import (
    ACCEPTED_FORMS,
    CLAUSES,
    DEPTH,
    EDGES,
    ENTRY,
    INSTANCES,
    MASKS,
    NORMALS,
    ORDERED_THING,
    WALK,
    colour_from_clause,
    phrase_from_clause,
)
from vb_perception.instructions.phrases import same_noun
from vb_perception.tasks import (
    BACKGROUND,
    BLACK,
    EdgeMap,
    InstanceSegmentation,
    MetricDepth,
    ReferringSegmentation,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)

_BETWEEN = re.compile(r"(?:[\s.,;!?…]|and\b)+", re.IGNORECASE)
_QUOTES = str.maketrans({"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'"})
_STOP = re.compile(r"[.,;!?](?=\s|$)|$")


@dataclass(slots=True)
class _Reading:
    """What has been understood of a text so far."""

    text: str
    asked: list[str] = field(default_factory=list)
    legend: list[tuple[str, Colour]] = field(default_factory=list)
    background: Colour | None = None
    nouns: list[str] = field(default_factory=list)
    announced: str = ""
    colour_map: str = ""
    ordering: bool = False  # within a sentence that began with "segment"
    left: list[str] = field(default_factory=list)

    def name_thing(self, phrase: str, colour_text: str) -> None:
        """Add a thing, or the background, with the colour asked for."""
        colour = colour_from_clause(colour_text)
        if colour is None:
            self.refuse(f"the colour {colour_text} of {phrase!r}, expected 0 to 255 for each of red, green and blue")
        if not phrase:
            self.refuse(f"which thing is {colour_text}")
        if phrase.lower() == BACKGROUND:
            if self.background not in (None, colour):
                self.refuse(f"two colours for the background, {self.background} and {colour}")
            self.background = colour
        elif phrase.lower() in {known.lower() for known, _ in self.legend}:  # the text encoder hears no capitals
            self.refuse(f"two colours for {phrase!r}")
        else:
            self.legend.append((phrase, colour))

    def refuse(self, problem: str) -> NoReturn:
        """Raise ConfigError with what was understood, what was not, and the nearest accepted form."""
        understood = [f"task {asked}" for asked in dict.fromkeys(self.asked)]
        understood += [f"{phrase!r} in {colour}" for phrase, colour in self.legend]
        understood += [f"each {noun!r} in a colour of its own" for noun in self.nouns]
        understood += [] if self.background is None else [f"background {self.background}"]
        forms = [form for asked in dict.fromkeys(self.asked) or ACCEPTED_FORMS for form in ACCEPTED_FORMS[asked]]
        nearest = max(forms, key=lambda form: difflib.SequenceMatcher(None, form.lower(), self.text.lower()).ratio())
        msg = (
            f"instruction {self.text!r}: understood: {', '.join(understood) or 'nothing'}; "
            f"not understood: {problem}; nearest accepted form: {nearest!r}"
        )
        raise ConfigError(msg)


def task_from_text(text: str) -> Task:
    """The task that an instruction asks for.

    Classes with colours become a SemanticSegmentation, a noun "colored differently" an InstanceSegmentation, a phrase
    with a colour that is called neither a class nor an order to segment a ReferringSegmentation.  Several such phrases
    become a SemanticSegmentation named "referring": a referring answer is one mask, while several phrases in several
    colours are told apart by the nearest colour, which is what a legend means.

    Phrases are kept as written, without the article; a noun whose colours follow another one ("the bottles, different
    colors for different brands") becomes "bottles by brands".  Where a colour has a name and a number, the number
    counts.  A background that is not mentioned is black.

    Raises:
        ConfigError: a part of the text was not understood, a colour map that is not known is asked for, or the
            task refuses its legend.  The message shows what was understood and the nearest accepted form.
    """
    reading = _read(text)
    if reading.left:
        reading.refuse(" / ".join(repr(left) + _colour_hint(left) for left in reading.left))
    exact = list(dict.fromkeys(asked for asked in reading.asked if asked != MASKS)) or [MASKS]
    if len(exact) > 1:
        reading.refuse(f"two tasks in one instruction ({' and '.join(exact)}); give one instruction for each")
    kind = exact[0]
    if reading.colour_map and kind != DEPTH:
        reading.refuse(f"the colour map {reading.colour_map!r}, which only {DEPTH} has")
    if kind in (DEPTH, NORMALS):
        if reading.legend or reading.background is not None:
            reading.refuse(f"colours for things in a map of {kind}, whose colours are fixed")
        return MetricDepth(DepthCodec(colour_map=reading.colour_map or RAINBOW)) if kind == DEPTH else SurfaceNormals()
    background = BLACK if reading.background is None else reading.background
    if kind == EDGES:
        return EdgeMap(_only_edges(reading), background)
    if kind == INSTANCES:
        return InstanceSegmentation(_only_noun(reading), background)
    if not reading.legend:
        reading.refuse("which things in which colours" if reading.asked else "which task")
    if kind == MASKS and len(reading.legend) == 1:
        return ReferringSegmentation(*reading.legend[0], background)
    name = "referring" if kind == MASKS else "segmentation"
    return SemanticSegmentation(tuple(reading.legend), background, name)


def _read(text: str) -> _Reading:
    """Read from the left; what no clause fits is left over, up to the next stop."""
    plain = " ".join(text.translate(_QUOTES).split())
    reading = _Reading(plain)
    position = 0
    while position < len(plain):
        if between := _BETWEEN.match(plain, position):
            reading.ordering &= not set(".!?") & set(between.group())
            position = between.end()
        elif end := _take_clause(reading, position):
            position = end
        else:
            stop = _STOP.search(plain, position)
            end = stop.start() if stop else len(plain)
            reading.left.append(plain[position:end])
            position = end
    return reading


def _take_clause(reading: _Reading, position: int) -> int:
    """Write down what the clause that begins here says, and return where it ends; 0 if none begins here."""
    clauses = (("", ORDERED_THING), *CLAUSES) if reading.ordering else CLAUSES
    for asked, pattern in clauses:
        if found := pattern.match(reading.text, position):
            if asked:
                reading.asked.append(asked)
            _note(reading, found.groupdict(default=""))
            return found.end()
    return 0


def _note(reading: _Reading, said: dict[str, str]) -> None:
    """Write down the groups of a clause."""
    if "order" in said:
        reading.ordering = True
    if "map" in said:
        _note_colour_map(reading, said["map"], said["walk"])
    if "legend" in said:
        _note_legend(reading, said["legend"])
    if "thing" in said:
        if said["thing"].lower() in COLOUR_NAMES:  # "the man in red and white in blue"
            reading.refuse(f"whether {said['thing']!r} is a thing; write 'the {said['thing']}' if it is")
        reading.name_thing(phrase_from_clause(said["thing"]), said["colour"])
    if "announced" in said:
        reading.announced = phrase_from_clause(said["announced"])
    if "noun" in said:
        noun, by = phrase_from_clause(said["noun"]), phrase_from_clause(said.get("by", ""))
        reading.nouns.append(f"{noun} by {by}" if by and not same_noun(noun, by) else noun)


def _note_legend(reading: _Reading, entries: str) -> None:
    """Write down `"cat": "red", "lock": <255, 0, 0>, "background": yellow`."""
    position = 0
    while position < len(entries.rstrip()):
        entry = ENTRY.match(entries, position)
        if not entry:
            reading.left.append(entries[position:].strip())
            return
        reading.name_thing(phrase_from_clause(entry["quoted"] or entry["single"] or entry["bare"]), entry["colour"])
        position = entry.end()


def _note_colour_map(reading: _Reading, name: str, walk: str) -> None:
    known = name.lower().replace("greyscale", "grayscale").replace("grey", "gray").removesuffix(" scale")
    known = "grayscale" if known == "gray" else known
    as_walked = walk.lower().replace("magenta", "violet") in ("", WALK if known == RAINBOW else "")
    if known not in COLOUR_MAPS or not as_walked:
        asked_map = f"{name} ({walk})" if walk else name
        reading.refuse(f"the colour map {asked_map!r}, expected one of {', '.join(COLOUR_MAPS)} ({RAINBOW}: {WALK})")
    if reading.colour_map not in ("", known):
        reading.refuse(f"two colour maps, {reading.colour_map!r} and {known!r}")
    reading.colour_map = known


def _only_edges(reading: _Reading) -> Colour:
    """The colour of an edge map's edges: white if nothing else was asked."""
    others = [phrase for phrase, _ in reading.legend if phrase.lower() not in ("edge", "edges")]
    if others:
        reading.refuse(f"{others[0]!r} in a map of edges; give two instructions")
    colours = list(dict.fromkeys(colour for _, colour in reading.legend)) or [EdgeMap().colour]
    if len(colours) > 1:
        reading.refuse(f"two colours for the edges, {colours[0]} and {colours[1]}")
    return colours[0]


def _only_noun(reading: _Reading) -> str:
    """The noun of an instance segmentation: the paper asks for one per image, and so do we."""
    nouns = list(dict.fromkeys(reading.nouns))
    if reading.legend:
        reading.refuse("fixed colours for things beside instances that are to differ in colour; give two instructions")
    if len(nouns) != 1:
        reading.refuse("more than one noun; give one instruction for each" if nouns else "which noun's instances")
    if reading.announced and not same_noun(reading.announced, nouns[0]):
        reading.refuse(f"masks are announced for {reading.announced!r}, but each {nouns[0]!r} gets one")
    return nouns[0]


def _colour_hint(left: str) -> str:
    """Which colour name the end of a text may have meant."""
    last_word = left.rstrip(" \"')").rpartition(" ")[2].lower()
    near = difflib.get_close_matches(last_word, COLOUR_NAMES, 1, 0.65)
    return f" (did you mean the colour {near[0]!r}?)" if near else ""
