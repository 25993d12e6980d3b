"""The clauses that an instruction may be made of, and what the colours and phrases in them mean.

British and American spelling, any case.  Prompt forms: Vision Banana (arXiv 2604.20329 v3, and its project page); the
plain orders are ours.
"""

import re

from vb_perception.codecs.palette import COLOUR_NAMES, Colour

DEPTH, NORMALS, EDGES = "metric depth", "surface normals", "edges"
SEMANTIC, INSTANCES = "semantic segmentation", "instance segmentation"
MASKS = "segmentation"  # what its things make of it: referring, or instances
WALK = "black-red-yellow-green-cyan-blue-violet-white"

ACCEPTED_FORMS: dict[str, tuple[str, ...]] = {
    DEPTH: (
        "Generate a metric depth map of the input image.",
        "Predict the metric depth of this scene as an image. Visualized in the rainbow colormap.",
    ),
    NORMALS: ("Generate a surface normal map of the input image.", "Predict the surface normal of this scene."),
    EDGES: ("Generate an edge map of the input image.", "Generate an edge map. The edges are white."),
    SEMANTIC: (
        "Segment the mugs in red, the table in #00FF00.",
        "Generate a semantic segmentation visualization of the input. The mug is red. The table is (0, 0, 255).",
        'Generate a semantic segmentation visualization image, using this color mapping: {"mug": "red", "jar": #00F}',
    ),
    INSTANCES: (
        "Generate an instance segmentation visualization of this image. Each mug is colored differently.",
        "Segment all the mugs, color them differently. The background is black.",
    ),
    MASKS: (
        "A segmentation map of the input image. The leftmost mug is rendered in green.",
        "This image shows segmentation masks from the given image. The background is black. The mug is yellow.",
    ),
}
"""Examples of each form, by what it asks for."""

_FLAGS = re.IGNORECASE | re.ASCII
_NUMBERS = r"(?:rgb\s*)?[(<\[]{1,2}\s*\d+\s*,\s*\d+\s*,\s*\d+\s*[)>\]]{1,2}"
_HEX = r"\(?#(?:[0-9a-f]{6}|[0-9a-f]{3})\b\)?"
_NAME = "|".join(r"[\s-]?".join(name.split()) for name in sorted(COLOUR_NAMES, key=len, reverse=True))
_COLOUR = (
    r"[\"']?(?:(?:an?|the)\s+)?(?:colou?r\s+)?(?:(?:pure|solid|plain)\s+)*"
    rf"(?:(?:{_NAME})\b(?:\s*(?:{_NUMBERS}|{_HEX}))?|{_NUMBERS}|{_HEX})(?:\s+colou?r)?[\"']?"
)
_ON_BACKGROUND = r"(?:on|with|against)\s+(?:an?|the)\s+"
_END = rf"(?=\s*(?:[.,;!?]|and\b|$|{_ON_BACKGROUND}[^.,;]+\sbackground\b))"
# A thing holds no comma and no "and the": they open the next one.  It does not begin like an order we failed to read.
_THING = (
    r"(?!(?:please|make|ensure|let|do|use|keep|leave|show|draw|generate|predict|create|segment|visuali[sz]ed?)\s)"
    r"(?:(?!\b(?:and\s+(?:the|an?|all)|each|every)\s)(?:[^.,;{}]|\.(?=\S)))+?"
)
_EACH = rf"(?:each|every)\s+(?P<noun>{_THING})"
_BE = r"(?:is|are|will\s+be|should\s+be|must\s+be)"
_PAINTED = r"(?:represented|rendered|depicted|shown|colou?red|painted|drawn|marked|highlighted|filled|set|segmented)"
_DIFFERENTLY = (
    r"(?:differently|(?:in|by|with|as)\s+(?:(?:an?\s+)?(?:different|unique|distinct)(?:,?\s+solid)?|(?:its|their)\s+own)"
    r"\s+colou?rs?)"
)
_IMAGE = r"(?:(?:this|the|an?)\s+)?(?:(?:input|provided|given)\s+)?(?:image|scene|picture|photo|frame|input)"
_OF = rf"(?:\s+(?:of|for|from)\s+{_IMAGE})?(?:\s+as\s+an\s+image)?"
_VERB = r"(?:generate|predict|create|produce|make|conduct|perform|estimate|show|this\s+image\s+(?:is|shows))"
_MAKE = rf"(?:please\s+)?(?:{_VERB}\s+)?(?:an?\s+|the\s+)?"
_MAP = rf"(?:\s+(?:visuali[sz]ation|map|masks?|image))*{_OF}"

ORDERED_THING = re.compile(
    rf"(?P<thing>{_THING})(?:\s+(?:in|as|with)\s+|\s*(?::|=|->)\s*)(?P<colour>{_COLOUR}){_END}", _FLAGS
)
"""One of the things of an order to segment: "the table in #00FF00"."""

CLAUSES = tuple(
    (asked, re.compile(pattern, _FLAGS))
    for asked, pattern in (
        (DEPTH, rf"{_MAKE}(?:metric\s+)?depth{_MAP}(?:{_END}|(?=\s+(?:visuali|in\b|using\b)))"),
        (NORMALS, rf"{_MAKE}surface\s+normals?{_MAP}{_END}"),
        (EDGES, rf"{_MAKE}edges?{_MAP}{_END}"),
        (SEMANTIC, rf"{_MAKE}(?:per-class\s+)?semantic\s+segmentation{_MAP}{_END}"),
        (SEMANTIC, rf"{_MAKE}visuali[sz]ation\s+image\s+of\s+semantic\s+segmentation{_END}"),
        (SEMANTIC, rf"{_MAKE}per-pixel\s+class\s+label+ing{_OF}{_END}"),
        (INSTANCES, rf"{_MAKE}instance\s+segmentation{_MAP}{_END}"),
        (MASKS, rf"{_MAKE}segmentation\s+masks\s+for\s+(?P<announced>{_THING}){_OF}{_END}"),
        (MASKS, rf"{_MAKE}segmentation(?:\s+task\s+derived\s+from\s+{_IMAGE}|{_MAP}){_END}"),
        (
            SEMANTIC,
            (
                r"(?:(?:using|with)\s+)?(?:this\s+|the\s+(?:following\s+)?)?(?:colou?r\s*map(?:ping)?\s*:?\s*)?"
                r"\{(?P<legend>[^{}]*)\}"
            ),
        ),
        (
            "",
            (
                r"(?:visuali[sz]ed\s+)?(?:in|with|using)\s+(?:the\s+|an?\s+)?(?P<map>[\w -]+?)\s*"
                rf"(?:\((?P<walk>[\w -]+)\)\s*)?colou?r\s*(?:map|palette|scale){_END}"
            ),
        ),
        (
            INSTANCES,
            rf"(?:(?:segment|colou?r|paint)\s+)?{_EACH}(?:\s+{_BE})?(?:\s+{_PAINTED})?\s+{_DIFFERENTLY}{_END}",
        ),
        (
            INSTANCES,
            (
                rf"{_EACH}\s+{_BE}\s+{_PAINTED}\s+by\s+an?\s+(?:\w+\s+){{0,3}}mask,?\s+and\s+"
                rf"an?\s+(?:different|unique)\s+colou?r\s+is\s+used\s+for\s+each\s+mask{_END}"
            ),
        ),
        (INSTANCES, rf"(?P<noun>{_THING})\s+are\s+(?:each|all)\s+{_PAINTED}\s+{_DIFFERENTLY}{_END}"),
        (
            INSTANCES,
            (
                rf"segment\s+(?P<noun>{_THING}),?\s+(?:and\s+)?(?:(?:colou?r|paint)\s+(?:them|each(?:\s+one)?)"
                rf"|each(?:\s+one)?(?:\s+{_PAINTED})?)\s+{_DIFFERENTLY}{_END}"
            ),
        ),
        (
            INSTANCES,
            (
                rf"segment\s+(?P<noun>{_THING}),?\s+(?:make\s+sure|with)\s+different\s+colou?rs\s+for\s+different\s+"
                rf"(?P<by>{_THING}){_END}"
            ),
        ),
        ("", rf"(?:(?:leave|keep|paint|make)\s+)?(?:the\s+)?(?P<thing>background)\s*:?\s+(?P<colour>{_COLOUR}){_END}"),
        ("", rf"(?:on|with|against)\s+(?P<colour>{_COLOUR})\s+(?P<thing>background){_END}"),
        (SEMANTIC, r"(?:please\s+)?(?P<order>segment)\s+(?=\S)"),
        (
            "",
            rf"(?P<thing>{_THING})\s+{_BE}\s+(?:{_PAINTED}\s+)?(?:(?:in|by|as|with|to)\s+)?(?P<colour>{_COLOUR}){_END}",
        ),
    )
)
"""(task that the clause asks for or "", pattern), tried in this order; the groups say what else it tells."""

ENTRY = re.compile(
    rf"\s*(?:\"(?P<quoted>[^\"]+)\"|'(?P<single>[^']+)'|(?P<bare>[^\"',:=]+?))\s*[:=]\s*(?P<colour>{_COLOUR})\s*(?:,|$)",
    _FLAGS,
)
"""One entry of a JSON-like legend."""

_BEFORE = re.compile(
    r"(?:(?:the\s+)?(?:area|region)s?\s+(?:that\s+corresponds?\s+to|of)\s+)?"
    r"(?:(?:all|any)\s+(?:of\s+)?)?(?:(?:the|an?)\s+)?",
    _FLAGS,
)
_AFTER = re.compile(r"\s+(?:category|class|instances?)$", _FLAGS)


def phrase_from_clause(text: str) -> str:
    """The phrase itself, without the article and what else the sentence put around it."""
    bare = _AFTER.sub("", _BEFORE.sub("", text.strip(), count=1))
    quoted = re.fullmatch(r"\"([^\"\s][^\"]*)\"|'([^'\s][^']*)'", bare)
    return (quoted[1] or quoted[2]) if quoted else bare


def colour_from_clause(text: str) -> Colour | None:
    """The colour of a `colour` group, by its number if it has a name and a number; None if a number is above 255."""
    if numbers := re.search(_NUMBERS, text, _FLAGS):
        r, g, b = (int(n) for n in re.findall(r"\d+", numbers.group()))
        return (r, g, b) if max(r, g, b) <= 255 else None  # noqa: PLR2004 -- 8 bits a channel
    if digits := re.search(r"#([0-9a-f]+)", text, _FLAGS):
        wide = digits[1] if len(digits[1]) == 6 else "".join(2 * d for d in digits[1])  # noqa: PLR2004 -- rrggbb or rgb
        return int(wide[:2], 16), int(wide[2:4], 16), int(wide[4:], 16)
    name = re.findall(rf"\b(?:{_NAME})\b", text, _FLAGS)[0]
    return {n.replace(" ", ""): colour for n, colour in COLOUR_NAMES.items()}[re.sub(r"[\s-]", "", name.lower())]
