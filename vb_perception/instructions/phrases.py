"""Which phrases a generator can know: nouns that it was taught, and the words that tell one thing from another.

Also which phrases name the same noun.
"""

from collections.abc import Collection, Sequence

SUPERLATIVES = ("leftmost", "rightmost", "largest", "biggest", "smallest", "nearest", "closest", "farthest")
RELATIONS = ("left of", "right of", "in front of", "behind")
COLOUR_WORDS = (
    *("red", "orange", "yellow", "green", "cyan", "blue", "purple", "brown", "black", "white", "gray", "grey"),
)
ARTICLES = ("the", "a", "an")
_GRAMMAR = {tuple(words.split()) for words in (*SUPERLATIVES, *RELATIONS, *COLOUR_WORDS, *ARTICLES)}
_LONGEST = 6
_SINGULAR_OF = {
    "people": "person",
    "children": "child",
    "men": "man",
    "mice": "mouse",
    "geese": "goose",
    "feet": "foot",
    "teeth": "tooth",
    "knives": "knife",
    "dice": "die",
    "oxen": "ox",
}
"""Plurals that no ending tells; also of what is put together with them, as "women" and "penknives"."""


def unknown_words(phrase: str, nouns: Collection[str]) -> tuple[str, ...]:
    """The words of a phrase that are neither a noun (or its plural), nor a colour, place, size or relation.

    A phrase without any noun is unknown as a whole: "the red" is no thing.  Empty if everything is known.
    """
    words = phrase.lower().split()
    unknown: list[str] = []
    named = False
    position = 0
    while position < len(words):
        for length in range(min(_LONGEST, len(words) - position), 0, -1):
            part = words[position : position + length]
            is_noun = any(form in nouns for form in singulars(" ".join(part)))
            if is_noun or tuple(part) in _GRAMMAR:
                named |= is_noun
                position += length
                break
        else:
            unknown.append(words[position])
            position += 1
    return tuple(unknown) if unknown or named else tuple(words)


def untaught(task: str, phrases: Sequence[str]) -> str:
    """A sentence on the unknown phrases of a task."""
    named = ", ".join(map(repr, phrases))
    return f"{task} asks for {named}, never taught to this model and painted nowhere: name what its words.txt lists"


def same_noun(one: str, other: str) -> bool:
    """Whether two phrases end in forms of one noun: "basketballs" and "orange basketball", "people" and "person"."""
    a, b = (phrase.lower().split()[-1] for phrase in (one, other))
    return any(form in singulars(b) for form in (a, *_irregular(a))) or any(
        form in singulars(a) for form in (b, *_irregular(b))
    )


def singulars(phrase: str) -> tuple[str, ...]:
    """A noun as written, and what it may be the plural of."""
    forms = [phrase, *_irregular(phrase)]
    for ending, instead in (("s", ""), ("es", ""), ("ies", "y"), ("ves", "f")):
        if phrase.endswith(ending) and len(phrase) > len(ending) + 1:
            forms.append(phrase.removesuffix(ending) + instead)
    return tuple(forms)


def _irregular(phrase: str) -> list[str]:
    """What a noun is the plural of that no ending tells."""
    return [phrase.removesuffix(p) + singular for p, singular in _SINGULAR_OF.items() if phrase.endswith(p)]
