"""The tasks of geometry: metric depth and surface normals."""

from dataclasses import dataclass, field

from vb_perception.codecs.colour_maps import RAINBOW
from vb_perception.codecs.depth import DepthCodec
from vb_perception.codecs.normals import decode_normals, encode_normals
from vb_perception.predictions import DepthMap, NormalMap, Prediction
from vb_perception.tasks.task import RGB, PromptToken, expect


@dataclass(frozen=True, slots=True)
class MetricDepth:
    """Metric z-depth as colours on the walk along the edges of the RGB cube, or on another colour map."""

    codec: DepthCodec = field(default_factory=DepthCodec)
    name: str = "depth"

    @property
    def prompt(self) -> str:
        """The paper's instruction."""
        if self.codec.colour_map == RAINBOW:
            return "Generate a metric depth map of the input image."
        colour_map = f"Visualized in the {self.codec.colour_map} colormap."
        return f"Predict the metric depth of this scene as an image. {colour_map}"

    @property
    def tokens(self) -> tuple[PromptToken, ...]:
        """The task, then the stops of the colour map, near to far."""
        stops = zip(self.codec.stops, self.codec.unsure_stops, strict=True)
        return (PromptToken("task", "metric depth map"), *(PromptToken("stop", "", sure, off) for sure, off in stops))

    def encode(self, truth: Prediction) -> RGB:
        """Paint a DepthMap; unknown depth is painted as depth zero (black)."""
        return self.codec.encode(expect(truth, DepthMap).depth_m)

    def decode(self, rgb: RGB, _picture: RGB | None = None, /) -> DepthMap:
        """Metres and confidence of each pixel."""
        return DepthMap(*self.codec.decode(rgb))


@dataclass(frozen=True, slots=True)
class SurfaceNormals:
    """Surface normals as RGB, in the paper's sign convention."""

    name: str = "normals"

    @property
    def prompt(self) -> str:
        """The paper's instruction."""
        return "Generate a surface normal map of the input image."

    @property
    def tokens(self) -> tuple[PromptToken, ...]:
        """The task alone."""
        return (PromptToken("task", "surface normal map"),)

    def encode(self, truth: Prediction) -> RGB:
        """Paint a NormalMap; unknown normals are painted as zero length (grey)."""
        return encode_normals(expect(truth, NormalMap).normals)

    def decode(self, rgb: RGB, _picture: RGB | None = None, /) -> NormalMap:
        """Unit normals in the optical frame and confidence of each pixel."""
        return NormalMap(*decode_normals(rgb))
