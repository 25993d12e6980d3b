"""Every prompt of the paper and our own, the spellings people use, and everything that must not be guessed."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vb_perception
from tests.prompts import (
    INSTANCES,
    MASKS,
    OURS,
    PAPER,
    classes,
)
from vb_perception.codecs.depth import DepthCodec
from vb_perception.codecs.palette import COLOUR_NAMES, Colour
from vb_perception.errors import ConfigError
from vb_perception.instructions import ACCEPTED_FORMS, task_from_text
from vb_perception.instructions.phrases import unknown_words
from vb_perception.tasks import (
    MAX_THINGS,
    EdgeMap,
    InstanceSegmentation,
    MetricDepth,
    ReferringSegmentation,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)


@pytest.mark.parametrize(("text", "task"), PAPER + OURS, ids=lambda value: value[:60] if isinstance(value, str) else "")
def test_prompts_mean_their_tasks(text: str, task: Task) -> None:
    assert task_from_text(text) == task


@pytest.mark.parametrize(("text", "task"), PAPER, ids=lambda value: value[:60] if isinstance(value, str) else "")
def test_british_spelling_case_and_spacing_change_nothing(text: str, task: Task) -> None:
    british = text.replace("color", "colour").replace("isualiz", "isualis").replace("labeling", "labelling")
    assert task_from_text(british) == task
    assert task_from_text("  " + text.replace(" ", " \n ")) == task
    shouted = task_from_text(text.upper())
    assert (type(shouted), shouted.name) == (type(task), task.name)
    assert [token.colour for token in shouted.tokens] == [token.colour for token in task.tokens]


@pytest.mark.parametrize(("kind", "form"), [(kind, form) for kind, forms in ACCEPTED_FORMS.items() for form in forms])
def test_the_forms_that_errors_propose_are_accepted(kind: str, form: str) -> None:
    asked = task_from_text(form).tokens[0].phrase
    assert kind.split(maxsplit=1)[0] in asked or kind.split(maxsplit=1)[0].rstrip("s") in asked


SHIPPED_WORDS = Path(vb_perception.__file__).parent / "models" / "default" / "words.txt"


@pytest.mark.parametrize("form", [form for forms in ACCEPTED_FORMS.values() for form in forms])
def test_the_shipped_model_knows_what_errors_propose(form: str) -> None:
    nouns = SHIPPED_WORDS.read_text(encoding="utf-8").splitlines()
    things = [token.phrase for token in task_from_text(form).tokens if token.role == "thing"]
    assert [unknown_words(thing, nouns) for thing in things] == [()] * len(things)


def test_a_legend_in_json_may_have_articles() -> None:
    bare, said = (task_from_text(f'{{"{a}mug": "red", "{a}background": "white"}}') for a in ("", "the "))
    assert said == bare


@pytest.mark.parametrize("name", COLOUR_NAMES)
def test_every_colour_name_is_read_in_every_position(name: str) -> None:
    colour = COLOUR_NAMES[name]
    background = (1, 2, 3)
    for text in (
        f"Segment the mug in {name}, the background in rgb(1,2,3)",
        f'{{"mug": "{name}", "background": #010203}}',
        f"Semantic segmentation. The mug is {name.title()} color. The background is (1, 2, 3).",
        f"Segment the mug in solid {name.replace(' ', '')}. Background: <1,2,3>",
    ):
        assert task_from_text(text) == classes(("mug", colour), background=background)
    assert task_from_text(f"Each mug is colored differently, on a {name} background") == InstanceSegmentation(
        "mug", colour
    )


def test_a_number_beside_a_name_counts() -> None:
    assert task_from_text("Segment the mug in green (0, 255, 0)") == classes(("mug", (0, 255, 0)))


_PHRASES = st.lists(
    st.sampled_from(
        ["red", "mug", "left", "man", "of", "in", "with", "shirt", "the", "table", "robot's", "#3", "is", "two"]
    ),
    min_size=1,
    max_size=4,
).map(lambda words: " ".join(["big", *words, "cup"]))
_COLOURS = st.tuples(*[st.integers(0, 255)] * 3)


@given(st.dictionaries(_PHRASES, _COLOURS, min_size=1, max_size=MAX_THINGS), _COLOURS)
def test_a_semantic_prompt_reads_back_as_its_task(legend: dict[str, Colour], background: Colour) -> None:
    if len({*legend.values(), background}) == len(legend) + 1:
        task = SemanticSegmentation(tuple(legend.items()), background)
        assert task_from_text(task.prompt) == task


@given(_PHRASES, _COLOURS, _COLOURS)
def test_other_prompts_read_back_as_their_tasks(phrase: str, colour: Colour, background: Colour) -> None:
    instances = InstanceSegmentation(phrase, background)
    assert task_from_text(instances.prompt) == instances
    if colour != background:
        referring = ReferringSegmentation(phrase, colour, background)
        assert task_from_text(referring.prompt) == referring
    for task in (MetricDepth(), SurfaceNormals()):
        assert task_from_text(task.prompt) == task


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "understood: nothing; not understood: which task"),
        ("Make it nice", "understood: nothing; not understood: 'Make it nice'; nearest accepted form: "),
        ("Segment the mugs.", "understood: task semantic segmentation; not understood: 'the mugs'"),
        (
            "Segment the mugs in rde, the table in blue",
            (
                "understood: task semantic segmentation, 'table' in (0, 0, 255); not understood: 'the mugs in rde' "
                "(did you mean the colour 'red'?); nearest accepted form: 'Segment the mugs in red, the table in #00FF"
            ),
        ),
        ("Segment the mugs in red and the table", "'mugs' in (255, 0, 0); not understood: 'the table'"),
        ("Segment the mugs in red, quickly", "not understood: 'quickly'"),
        ("Segment the mugs in (300, 0, 0)", "the colour (300, 0, 0) of 'mugs', expected 0 to 255"),
        ("Segment the mugs in #12345", "not understood: 'the mugs in #12345'"),
        ("Segment the mugs in red, the mugs in blue", "not understood: two colours for 'mugs'"),
        ('{"mug": "red", "Mug": "blue"}', "'mug' in (255, 0, 0); not understood: two colours for 'Mug'"),
        ("Semantic segmentation. The Mug is red. The mug is blue.", "not understood: two colours for 'mug'"),
        (
            "Generate an edge map. The edges are red. The edge is blue.",
            "not understood: two colours for the edges, (255, 0, 0) and (0, 0, 255)",
        ),
        (
            "Generate a metric depth map of the input image in the plasma color map, in the inferno colormap.",
            "not understood: two colour maps, 'plasma' and 'inferno'",
        ),
        ("Each mug is colored differently. Background is red. Background is blue.", "two colours for the background"),
        ('{"mug": "red", "table": "chartreuse"}', "'mug' in (255, 0, 0); not understood: '\"table\": \"chartreuse\"'"),
        ('{" ": "red"}', "which thing is"),
        ("Do not segment the mugs in red", "not understood: 'Do not segment the mugs in red'"),
        ("A segmentation map image. The mug is not red.", "not understood: 'The mug is not red'"),
        # commas in a phrase: refused, not torn apart
        ("A segmentation map image. The man in red, blue and white shirt is green.", "'The man in red'"),
        ("Segment the man in red and white in blue", "whether 'white' is a thing; write 'the white' if it is"),
        ("The background is black.", "not understood: which task"),
        ("Semantic segmentation.", "understood: task semantic segmentation; not understood: which things"),
        (INSTANCES, "not understood: which noun's instances; nearest accepted form: 'Generate an instance seg"),
        ("Each mug is colored differently, each jar is colored differently", "more than one noun"),
        (INSTANCES + "Each mug is colored differently. The table is red.", "fixed colours for things beside instances"),
        (
            "This image shows segmentation masks for the balls from the input image. Each player is in a unique color.",
            "masks are announced for 'balls', but each 'player' gets one",
        ),
        (
            "Generate segmentation masks for the boxes. Each book is colored differently.",
            "masks are announced for 'boxes', but each 'book' gets one",
        ),
        (
            "Generate a metric depth map and a surface normal map.",
            "two tasks in one instruction (metric depth and surf",
        ),
        ("Generate a metric depth map. The mug is red.", "colours for things in a map of metric depth"),
        (
            "Predict the metric depth of this scene as an image. Visualized in the jet colormap.",
            "the colour map 'jet', expected one of rainbow, plasma, inferno, viridis, grayscale (rainbow: black-red-",
        ),
        (
            "Metric depth in the rainbow (white-red-black) color palette.",
            "'rainbow (white-red-black)', expected one of",
        ),
        ("Surface normals, in the rainbow colormap", "the colour map 'rainbow', which only metric depth has"),
        (
            "Generate relative inverse depth: near points bright, far points dark, matching input pixels.",
            "nearest accepted form: 'Generate a metric depth map of the input image.'",
        ),
    ],
)
def test_what_is_not_understood_is_said_and_never_guessed(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        task_from_text(text)


@pytest.mark.parametrize(
    ("things", "kinds", "noun"),
    [
        ("bottles", "labels", "bottles by labels"),
        ("cups", "caps", "cups by caps"),
        ("bottles", "bottles", "bottles"),
        ("people", "persons", "people"),
    ],
)
def test_instances_may_follow_another_noun(things: str, kinds: str, noun: str) -> None:
    text = f"Segment the {things}, with different colors for different {kinds}."
    assert task_from_text(text) == InstanceSegmentation(noun)


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("Generate an edge map. The edges are red. The edge is red.", EdgeMap((255, 0, 0))),
        (
            "Metric depth in the plasma colormap, visualized in the plasma colormap.",
            MetricDepth(DepthCodec(colour_map="plasma")),
        ),
        (
            "Metric depth in the grey colormap, in the grayscale colormap.",
            MetricDepth(DepthCodec(colour_map="grayscale")),
        ),
    ],
)
def test_what_is_said_twice_alike_is_no_contradiction(text: str, task: Task) -> None:
    assert task_from_text(text) == task


def test_what_the_tasks_themselves_refuse() -> None:
    with pytest.raises(ConfigError, match="give every class a colour of its own"):
        task_from_text("Segment the mugs in red, the table in red")
    with pytest.raises(ConfigError, match="is also the background"):
        task_from_text(MASKS + "The mug is black.")
    many = ", ".join(f"thing {i} in (9, 9, {i})" for i in range(MAX_THINGS + 1))
    with pytest.raises(ConfigError, match="split them over two tasks"):
        task_from_text("Segment " + many)


_WORDS = (
    "segment",
    "the",
    "mug",
    "in",
    "red",
    ",",
    ".",
    "{",
    "}",
    '"',
    "each",
    "is",
    "#",
    "(",
    "9",
    ")",
    "differently",
)


@given(st.text(max_size=80) | st.lists(st.sampled_from(_WORDS)).map(" ".join))
def test_any_text_is_a_task_or_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert task_from_text(text).tokens
