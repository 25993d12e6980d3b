import pytest

from vb_perception.instructions.phrases import COLOUR_WORDS, RELATIONS, SUPERLATIVES, unknown_words

NOUNS = {"cup", "mug", "box", "object", "table", "objects on the table", "shelf", "battery"}


@pytest.mark.parametrize(
    "phrase",
    [
        "mug",
        "The Mugs",
        "boxes",
        "shelves",
        "batteries",
        "objects on the table",
        "the leftmost object",
        "red cup left of the box",
        "the smallest black box in front of the mugs",
    ],
)
def test_known(phrase: str) -> None:
    assert unknown_words(phrase, NOUNS) == ()


@pytest.mark.parametrize(
    ("phrase", "unknown"),
    [
        ("zebra", ("zebra",)),
        ("striped cup", ("striped",)),
        ("cup of the queen", ("of", "queen")),
        ("the red", ("the", "red")),
        ("tables", ()),
        ("tabless", ("tabless",)),
        ("", ()),
    ],
)
def test_unknown(phrase: str, unknown: tuple[str, ...]) -> None:
    assert unknown_words(phrase, NOUNS) == unknown


def test_no_word_has_two_meanings() -> None:
    words = [*SUPERLATIVES, *RELATIONS, *COLOUR_WORDS]
    assert len(set(words)) == len(words)
