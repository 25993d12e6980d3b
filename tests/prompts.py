"""Prompts and the tasks that they mean: those of the paper, and our own."""

from vb_perception.codecs.depth import DepthCodec
from vb_perception.codecs.palette import COLOUR_NAMES, Colour
from vb_perception.tasks import (
    EdgeMap,
    InstanceSegmentation,
    MetricDepth,
    ReferringSegmentation,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)

RED, GREEN, BLUE, CYAN = (COLOUR_NAMES[name] for name in ("red", "green", "blue", "cyan"))
YELLOW, WHITE, BLACK = (255, 255, 0), (255, 255, 255), (0, 0, 0)
MASKS = "This image shows segmentation masks from the given image. "
INSTANCES = "Generate an instance segmentation visualization of this image. "
CATS = (("cat", RED), ("lock", COLOUR_NAMES["pink"]), ("exit sign", COLOUR_NAMES["light purple"]))


def classes(*legend: tuple[str, Colour], background: Colour = BLACK) -> SemanticSegmentation:
    return SemanticSegmentation(legend, background)


def phrases(*legend: tuple[str, Colour]) -> SemanticSegmentation:
    return SemanticSegmentation(legend, name="referring")


PAPER: tuple[tuple[str, Task], ...] = (
    # 2.5
    ("Generate a metric depth map of the input image.", MetricDepth()),
    ("Generate a metric depth map of the provided image.", MetricDepth()),
    ("Predict the metric depth of this scene as an image. Visualized in the rainbow colormap.", MetricDepth()),
    (
        (
            "Predict the metric depth of this scene as an image. Visualized in the rainbow "
            "(black-red-yellow-green-cyan-blue-violet-white) color palette."
        ),
        MetricDepth(),
    ),
    # 4
    ("Generate a surface normal map of the input image.", SurfaceNormals()),
    ("Predict the surface normal of this scene.", SurfaceNormals()),
    # 5
    (
        (
            "Generate a semantic segmentation visualization image, using this color mapping: "
            '{"cat": "red", "lock": "pink", "exit sign": "light purple", "background": "yellow"}'
        ),
        classes(*CATS, background=YELLOW),
    ),
    (  # as the paper prints it: yellow without quotes
        (
            "Generate a semantic segmentation visualization image, using this color mapping: "
            '{"cat": "red", "lock": "pink", "exit sign": "light purple", "background": yellow}'
        ),
        classes(*CATS, background=YELLOW),
    ),
    (
        (
            "Generate a visualization image of semantic segmentation, using this color mapping: "
            '{"cat ears": <255, 165, 0>, "exit sign": <0, 0, 255>, "background": <125, 0, 125>}'
        ),
        classes(("cat ears", (255, 165, 0)), ("exit sign", BLUE), background=(125, 0, 125)),
    ),
    (
        (
            "This image is a per-pixel class labeling of the input. The macaron cakes are represented by (255, 255, "
            "0). The round plates are represented by (255, 192, 128). The slice cakes are depicted in (64, 192, 64). "
            "The flowers are shown in (128, 0, 64). The tongs are (255, 0, 192)."
        ),
        classes(
            ("macaron cakes", YELLOW),
            ("round plates", (255, 192, 128)),
            ("slice cakes", (64, 192, 64)),
            ("flowers", (128, 0, 64)),
            ("tongs", (255, 0, 192)),
        ),
    ),
    (
        (
            "Generate a semantic segmentation visualization of the input. The menu is #80C000. The dessert is #800000. "
            "The patterns on the wall is #40FFC0"
        ),
        classes(("menu", (128, 192, 0)), ("dessert", (128, 0, 0)), ("patterns on the wall", (64, 255, 192))),
    ),
    (
        (
            "Conduct per-class semantic segmentation for the given image. The sitting person are represented by "
            "(255, 255, 0). The standing and walking people are represented by (255, 192, 128). The ocean is depicted "
            "in (64, 192, 64). The street lights are in (128, 0, 64). The sky is in (255, 0, 192). The fence is in "
            "(0, 0, 255). The backpack is in (255, 0, 0)."
        ),
        classes(
            ("sitting person", YELLOW),
            ("standing and walking people", (255, 192, 128)),
            ("ocean", (64, 192, 64)),
            ("street lights", (128, 0, 64)),
            ("sky", (255, 0, 192)),
            ("fence", BLUE),
            ("backpack", RED),
        ),
    ),
    ("Segment the skateboard category in pure yellow (<255, 255, 0>)", classes(("skateboard", YELLOW))),
    # 6
    (INSTANCES + "Each piece of garlic is colored differently.", InstanceSegmentation("piece of garlic")),
    ("... Each piece of beef is colored differently.", InstanceSegmentation("piece of beef")),
    ("... Each price tag is colored differently.", InstanceSegmentation("price tag")),
    (
        (
            "Generate an instance segmentation visualization of the input image. Segment all the price on the price "
            "tags, color them differently."
        ),
        InstanceSegmentation("price on the price tags"),
    ),
    (
        "Segment the wine bottles, make sure different colors for different wine brands. The background will be black.",
        InstanceSegmentation("wine bottles by wine brands"),
    ),
    (
        (
            'This image is a segmentation task derived from the input. The "crescent"-shaped croissant instances are '
            "each represented by a unique, solid color. Background is RGB(88, 50, 82)."
        ),
        InstanceSegmentation('"crescent"-shaped croissant', (88, 50, 82)),
    ),
    (
        (
            "This image shows segmentation masks for the basketballs from the input image. The background is set to "
            "#10aa05. Each basketball instance is represented by a solid circular mask, and a different color is used "
            "for each mask."
        ),
        InstanceSegmentation("basketball", (16, 170, 5)),
    ),
    (
        (
            "This image shows segmentation masks for the balls from the input image. The background is set to white "
            "color. Each ball is represented by a different color."
        ),
        InstanceSegmentation("ball", WHITE),
    ),
    # 7
    (
        (
            "A segmentation map image. The area that corresponds to the man in pink t shirt is rendered solid white; "
            "the other man is rendered in green."
        ),
        phrases(("man in pink t shirt", WHITE), ("other man", GREEN)),
    ),
    (
        (
            "A segmentation map image. The stretching cat is rendered in green, "
            "the cat that is cleaning itself is in cyan."
        ),
        phrases(("stretching cat", GREEN), ("cat that is cleaning itself", CYAN)),
    ),
    (
        MASKS + "The background is black color. The game control device is represented by a solid yellow.",
        ReferringSegmentation("game control device", YELLOW),
    ),
    (
        "... The background is black color. The chef's names in both Chinese and English are rendered as cyan color.",
        ReferringSegmentation("chef's names in both Chinese and English", CYAN),
    ),
    (
        (
            "A segmentation map of the input image. The pig not in the glass is rendered cyan, and the pig in the "
            "glass reflection is rendered yellow."
        ),
        phrases(("pig not in the glass", CYAN), ("pig in the glass reflection", YELLOW)),
    ),
)

OURS: tuple[tuple[str, Task], ...] = (
    ("Segment the mugs in red, the table in #00FF00", classes(("mugs", RED), ("table", (0, 255, 0)))),
    ("please segment mugs in red and table in #0f0.", classes(("mugs", RED), ("table", (0, 255, 0)))),
    ("Segment the man in red in blue", classes(("man in red", BLUE))),
    ("Segment the orange in blue", classes(("orange", BLUE))),
    ("Segment mugs: red, jars -> rgb(0, 0, 255)", classes(("mugs", RED), ("jars", BLUE))),
    (
        "{'mug': red, jar = [0, 0, 255], \"background\": '#fff'}",
        classes(("mug", RED), ("jar", BLUE), background=WHITE),
    ),
    (
        "Segment mugs in light-blue and the tables in HotPink on a dark grey background",
        classes(
            ("mugs", COLOUR_NAMES["light blue"]),
            ("tables", COLOUR_NAMES["hot pink"]),
            background=COLOUR_NAMES["dark gray"],
        ),
    ),
    ("Semantic segmentation. The mug is red. Leave the background white.", classes(("mug", RED), background=WHITE)),
    ("Segment each person with a different color; leave the background blue.", InstanceSegmentation("person", BLUE)),
    ("Each mug coloured differently", InstanceSegmentation("mug")),
    ("Segment the mugs, each coloured differently, on a white background", InstanceSegmentation("mugs", WHITE)),
    ("Segment the bottles with different colours for different bottles", InstanceSegmentation("bottles")),
    ("All of the mugs are each shown in their own colour.", InstanceSegmentation("mugs")),
    (
        "This image shows segmentation masks for the people from the input image. Each person is in a unique colour.",
        InstanceSegmentation("person"),
    ),
    (
        "A segmentation map image. \u201cThe Thinker\u201d is rendered in red.",
        ReferringSegmentation("The Thinker", RED),
    ),
    ("depth", MetricDepth()),
    ("A depth map in the rainbow colour map", MetricDepth()),
    ("A depth map in the Viridis colormap.", MetricDepth(DepthCodec(colour_map="viridis"))),
    ("A depth map in the grey colour scale", MetricDepth(DepthCodec(colour_map="grayscale"))),
    ("Generate an edge map of the input image.", EdgeMap()),
    ("Generate an edge map. The edges are yellow. The background is white.", EdgeMap(YELLOW, WHITE)),
    ("Estimate surface normals", SurfaceNormals()),
)
