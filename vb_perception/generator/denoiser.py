"""The text-conditioned denoiser at 1/16 of the image: diffusers' UNet, one step, from the image instead of noise."""

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.image_encoder import pyramid

IMAGE_CHANNELS = 48
# One step has one noise level; its number only fixes a constant in the time embedding (E2E-FT, Lotus: the last step).
LAST_TIMESTEP = 999


def places(x: Tensor) -> Tensor:
    """Where each pixel of x (N, C, H, W) lies in the picture, (1, 2, H, W): u to the right, v downwards, -1 to 1.

    Made on x's device: a CUDA graph cannot copy from the host what was made in passing.
    """
    height, width = x.shape[2:]
    v, u = (torch.arange(n, device=x.device) * (2 / n) + (1 / n - 1) for n in (height, width))
    return torch.stack((u.expand(height, width), v[:, None].expand(height, width)))[None].to(x.dtype)


class Denoiser(nn.Module):
    """Image features and rays at 1/16, prompt tokens -> what to paint, (N, denoiser_channels[0], H/16, W/16)."""

    def __init__(self, config: GeneratorConfig, token_width: int, time_width: int | None = None) -> None:
        """Cross-attention on the coarse level; the task itself enters every block through the time embedding.

        With `time_width` so does an embedding of the time of `sampling.py`, at first without effect.
        """
        super().__init__()
        channels, *_, coarse, coarsest = config.denoiser_channels, *pyramid(config.encoder).channels
        self.from_16 = nn.Conv2d(coarse, IMAGE_CHANNELS, 1)
        self.from_32 = nn.Conv2d(coarsest, IMAGE_CHANNELS, 1)
        self.from_place = nn.Conv2d(2, 2 * IMAGE_CHANNELS + 2, 1, bias=False)
        nn.init.zeros_(self.from_place.weight)
        self.unet = UNet2DConditionModel(
            in_channels=2 * IMAGE_CHANNELS + 2,
            out_channels=channels[0],
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            mid_block_type="UNetMidBlock2DCrossAttn",
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            block_out_channels=channels,
            layers_per_block=1,
            norm_num_groups=8,
            cross_attention_dim=token_width,
            attention_head_dim=32,
            class_embed_type="projection",
            projection_class_embeddings_input_dim=token_width,
            time_cond_proj_dim=time_width,
        )
        if time_width is not None:
            nn.init.zeros_(self.unet.time_embedding.cond_proj.weight)

    def features(self, c16: Tensor, c32: Tensor, rays: Tensor) -> Tensor:
        """What the denoiser starts from: image features and rays (x/z, y/z), once an image."""
        up = nn.functional.interpolate(self.from_32(c32), scale_factor=2.0, mode="nearest")
        size = 16
        coarse_rays = nn.functional.avg_pool2d(rays, size)
        # Where a pixel lies in the picture cannot be told from its ray: that depends on the crop.
        place = self.from_place(places(c16))
        return torch.cat((self.from_16(c16), up, coarse_rays), dim=1) + place

    def forward(self, features: Tensor, tokens: Tensor, task: Tensor, time: Tensor | None = None) -> Tensor:
        """Features (N, C, h, w), tokens (N, T, D), task (N, D), time (N, time_width) -> (N, channels[0], h, w)."""
        step = torch.full((1,), LAST_TIMESTEP, device=features.device)  # a number would be copied from the host
        out: Tensor = self.unet(features, step, tokens, class_labels=task, timestep_cond=time, return_dict=False)[0]
        return out
