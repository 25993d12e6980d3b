"""What a cloud shall be: which points there are, and what they carry."""

from dataclasses import dataclass

from vb_perception.errors import ConfigError

FIELDS = ("rgb", "label", "instance", "normal", "curvature", "confidence")
"""What a point may carry beside x, y, z; `normal` is the three fields normal_x, normal_y and normal_z."""


@dataclass(frozen=True, slots=True)
class CloudOptions:
    """Which points there are and what they carry.

    `edge_jump`: no point where its depth differs from one of its four neighbours' by more than this share of the nearer
    (0: off).  `grazing_deg`: no point whose surface is seen at a larger angle from its normal (0: off; needs normals).
    `stride`: every n-th row and column.  `voxel_m`: one point a cube of that edge (0: off).  Ranges are z-depths [m].
    """

    fields: tuple[str, ...] = ("rgb", "label")
    organised: bool = True
    stride: int = 1
    voxel_m: float = 0.0
    min_range_m: float = 0.0
    max_range_m: float = float("inf")
    edge_jump: float = 0.0
    grazing_deg: float = 0.0

    def __post_init__(self) -> None:
        """Refuse unknown fields and combinations that no cloud has."""
        unknown = [name for name in self.fields if name not in FIELDS]
        if unknown or len(set(self.fields)) != len(self.fields):
            msg = f"cloud fields {list(self.fields)}: expected each at most once of {', '.join(FIELDS)}"
            raise ConfigError(msg)
        if self.organised and self.voxel_m > 0:
            msg = f"an organised cloud cannot be thinned to voxels of {self.voxel_m} m; set cloud_organised to false"
            raise ConfigError(msg)
        if not self.min_range_m < self.max_range_m:
            msg = f"cloud ranges {self.min_range_m} to {self.max_range_m} m: expected the nearer one first"
            raise ConfigError(msg)

    @property
    def needs_normals(self) -> bool:
        """Whether such a cloud cannot be made without normals."""
        return self.grazing_deg > 0 or "normal" in self.fields or "curvature" in self.fields
