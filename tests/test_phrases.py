import pytest

from vb_perception.instructions.phrases import COLOUR_WORDS, RELATIONS, SUPERLATIVES, same_noun, unknown_words

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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("basketballs", "orange basketball"),
        ("Mugs", "mug"),
        ("mug", "mug"),
        ("boxes", "box"),
        ("glasses", "glass"),
        ("batteries", "battery"),
        ("shelves", "shelf"),
        ("knives", "knife"),
        ("people", "person"),
        ("persons", "people"),
        ("women", "woman"),
        ("children", "child"),
        ("specimens", "specimen"),
    ],
)
def test_one_noun(one: str, other: str) -> None:
    assert same_noun(one, other)
    assert same_noun(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bottles", "labels"),
        ("cups", "caps"),
        ("boxes", "book"),
        ("plates", "plant"),
        ("tubes", "tubs"),
        ("men", "women"),
        ("balls", "player"),
        ("wine bottles", "wine brands"),
    ],
)
def test_two_nouns(one: str, other: str) -> None:
    assert not same_noun(one, other)
    assert not same_noun(other, one)


@pytest.mark.parametrize("plural", ["knives", "people", "mice", "red knives"])
def test_a_plural_that_no_ending_tells_is_known_with_its_noun(plural: str) -> None:
    assert not unknown_words(plural, {"knife", "person", "mouse"})
