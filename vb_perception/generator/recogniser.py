"""What the picture shows where, compared with what the prompt names: once an image, whatever is asked of it.

A pixel that the painter paints has 16 numbers, which first of all say where things end.  They tell a floor from a wall,
but hardly a chair from a bed, although the encoder knows which it is (benchmarks/words.py: mIoU .39 and .49 of the same
frozen maps, after 400,000 images and 27,000).  So it is asked directly: the maps of the encoder from 1/8 down give each
place a vector, each phrase gives one, and their product is evidence beside the painter's pointing.  Each phrase also
says how far the painter is to be trusted with it.

Source: a picture's places and words in one space as in LSeg (Li et al. 2022, arXiv 2201.03546), here as evidence beside
what is painted.
"""

import torch
from torch import Tensor, nn

from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.image_encoder import DETAIL_MAPS, pyramid
from vb_perception.generator.seen import Evidence
from vb_perception.runtime.text import HAS_COLOUR, ROLE_COLUMN, STOP

FINEST = DETAIL_MAPS + 1
"""The number of the finest map that is read, 1/8."""


class Recogniser(nn.Module):
    """Maps of the encoder and tokens of the prompts -> evidence for each token at each place; none before training."""

    def __init__(self, config: GeneratorConfig, token_width: int) -> None:
        """See GeneratorConfig for the sizes."""
        super().__init__()
        hidden, shared = config.recogniser_channels
        self.narrow = nn.ModuleList(nn.Conv2d(c, hidden, 1) for c in pyramid(config.encoder).channels[FINEST:])
        self.mixes = nn.ModuleList(mixing(hidden) for _ in range(config.recogniser_mixes))
        self.around = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.place = nn.Conv2d(hidden, shared, 1)
        self.phrase = nn.Sequential(nn.Linear(token_width, hidden), nn.SiLU(), nn.Linear(hidden, shared + 2))
        nn.init.zeros_(self.phrase[-1].weight)
        nn.init.zeros_(self.phrase[-1].bias)

    def shown(self, maps: list[Tensor]) -> Tensor:
        """What each place of the overview shows (B, shared, h/8, w/8); the maps are the encoder's (`Seen`)."""
        finest, *coarser = maps[FINEST:]
        x = self.narrow[0](finest)
        for narrow, coarse in zip(list(self.narrow)[1:], coarser, strict=True):
            x = x + nn.functional.interpolate(narrow(coarse), size=x.shape[2:], mode="bilinear")
        x = nn.functional.silu(x)
        for mix in self.mixes:
            x = x + mix(x)
        out: Tensor = self.place(x + nn.functional.silu(self.around(x)))
        return out

    def forward(self, maps: list[Tensor], tokens: Tensor, rows: Tensor) -> Evidence:
        """For legends, from the B images' maps, tokens (N, T, D) and rows (N, T, 11); none for other prompts."""
        places = self.shown(maps)
        prompts = tokens.shape[0] // places.shape[0]
        seen = places.flatten(2).repeat_interleave(prompts, 0)  # (N, shared, hw)
        phrases = self.phrase(tokens) * legend_rows(rows)[..., None]
        vectors, offset, trust = phrases.split((phrases.shape[-1] - 2, 1, 1), -1)
        found = torch.bmm(vectors, seen) + offset
        return Evidence(found.unflatten(2, places.shape[2:]), 1 + trust[..., 0])


def mixing(channels: int) -> nn.Sequential:
    """What each place learns from those around it, to be added; nothing before training."""
    last = nn.Conv2d(channels, channels, 1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Conv2d(channels, channels, 5, padding=2, groups=channels), nn.SiLU(), last)


def legend_rows(rows: Tensor) -> Tensor:
    """Which rows (N, T, 11) are of a legend, (N, T), 0 or 1: things with a colour, and the background beside them.

    Instances are told apart by where they are, and what their noun means is left to the painter.
    """
    has_colour = rows[..., HAS_COLOUR] * (1 - rows[..., STOP].clamp(0, 1))
    is_thing, is_background = rows[..., ROLE_COLUMN["thing"]], rows[..., ROLE_COLUMN["background"]]
    nouns = (is_thing * (1 - has_colour)).amax(1, keepdim=True)
    return has_colour * (is_thing + is_background) * (1 - nouns)
