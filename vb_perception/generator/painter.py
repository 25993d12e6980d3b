"""From the denoiser's answer to the image: detail from the encoder at every scale, colours from the prompt.

The last layer mixes the colours that the prompt brings.  Where the prompt names things, it is a cross-attention whose
values are their colours: each pixel points at a thing and is painted in its colour.  Where the prompt brings the stops
of a colour map, each pixel has a place on the map and lies between two stops; how unsure it is moves it off the map.
Only a thing without a colour, and a prompt without any, are painted in a colour that the network regresses.  So a
legend or a colour map never seen before is obeyed exactly, and where the network hesitates the colour says so, which
the codecs report as low confidence.
"""

import torch
from torch import Tensor, nn

from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.denoiser import places
from vb_perception.generator.image_encoder import SCALES, pyramid
from vb_perception.generator.seen import Seen
from vb_perception.runtime.text import COLOUR, HAS_COLOUR, ROLE_COLUMN, STOP, UNSURE

MASKED = -1e4
DECIDED = 8.0
"""How much more decidedly instances are painted than they are pointed at.

Between two of a dozen colours lies a third: a pixel in doubt would be read as yet another instance.  (On the watched
frames overlap F is .67 with it and .64 without.)
"""
LEGENDS_DECIDED = 5.0
"""The same of legends: of a mean IoU of .50 the reading of mixed colours loses .01 so, .07 without.

Measured by benchmarks/words.py.  Less than of instances: where it hesitates the colour shall still say so.
"""
LARGEST = SCALES - 3
"""The number of the level at 1/2."""
MIDDLE = -1.6
"""Where the places begin: f of 1.2 m as a logit."""
ZOOM = 0.35
"""Of what the focal length asks for, the share that begins here: the rays tell the denoiser the rest.  It is what a
model that had rays alone lacked (benchmarks/focal.py: a slope of -.32 at the end of its training)."""


def per_prompt(x: Tensor, prompts: int) -> Tensor:
    """Repeat what was computed once an image for its prompts.

    Done before a convolution whose result is added to the prompts' own: OpenVINO 2026.4 fuses a broadcast addition into
    the convolution before it, and then fails on the batch size.
    """
    return x.expand(prompts, -1, -1, -1) if x.shape[0] == 1 else x.repeat_interleave(prompts, 0)


def grown(x: Tensor, like: Tensor) -> Tensor:
    """X (N, C, h, w) at the size of `like`, bilinearly."""
    size, old = like.shape[2:], x.shape[2:]
    if size == old:
        return x
    if size[0] % old[0] == 0 and size[1] % old[1] == 0:
        # By its factor: a compiler then knows it whatever the number of prompts.
        factors = [float(n // o) for n, o in zip(size, old, strict=True)]
        return nn.functional.interpolate(x, scale_factor=factors, mode="bilinear")
    return nn.functional.interpolate(x, size=size, mode="bilinear")


def colour_steps(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A colour map as its first stop and the steps from stop to stop.

    rows (N, T, 11) -> first (N, 6) and steps (N, T, 6), both colour beside unsure minus colour, zero where the rows are
    no stops; number of stops (N, 1).
    """
    stop = rows[..., STOP : STOP + 1]
    colours = torch.cat((rows[..., COLOUR], rows[..., UNSURE] - rows[..., COLOUR]), dim=-1)
    following = (stop[:, 1:] - stop[:, :-1]) * stop[:, :-1].clamp(0, 1)  # 1 between two stops, below 0 after the last
    steps = (colours[:, 1:] - colours[:, :-1]) * following.clamp(0, 1)
    first = (colours * (stop == 1).to(rows.dtype)).sum(1)
    return first, nn.functional.pad(steps, (0, 0, 0, 1)), stop[..., 0].amax(1, keepdim=True)


def painting_rows(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Which rows (N, T, 11) have a colour to paint with, which of them all paint, and how decidedly.

    What has a colour paints, and a thing without one, unless its instances have theirs: then it only says what they
    are.  The task paints where nothing is named.

    Returns:
        has_colour and paints (N, T), 0 or 1; decided (N, 1), by which the logits of what is painted are multiplied.
    """
    has_colour = rows[..., HAS_COLOUR] * (1 - rows[..., STOP].clamp(0, 1))
    is_task, is_thing = rows[..., ROLE_COLUMN["task"]], rows[..., ROLE_COLUMN["thing"]]
    names_nothing = (has_colour + is_thing).amax(1, keepdim=True) == 0
    coloured = (is_thing * has_colour).amax(1, keepdim=True)
    nouns = is_thing * (1 - has_colour)
    instances = nouns.amax(1, keepdim=True)
    decided = 1 + coloured * ((DECIDED - 1) * instances + (LEGENDS_DECIDED - 1) * (1 - instances))
    paints = torch.maximum(torch.maximum(has_colour, is_thing * (1 - coloured)), is_task * names_nothing.to(rows.dtype))
    return has_colour, paints, decided


class Level(nn.Module):
    """Grow to the size of the encoder's detail, add it, modulate by the task, and mix."""

    def __init__(self, before: int, after: int, lateral: int, token_width: int, *, once: bool = False) -> None:
        """Channels `before` -> `after`, `lateral` channels of detail; `once` mixes with one convolution, not two."""
        super().__init__()
        self.narrow = nn.Conv2d(before, after, 1)
        self.lateral = nn.Conv2d(lateral, after, 1)
        self.norm = nn.GroupNorm(4, after)
        self.film = nn.Linear(token_width, 2 * after)
        self.first = nn.Conv2d(after, after, 3, padding=1)
        self.second = nn.Identity() if once else nn.Conv2d(after, after, 3, padding=1)
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)

    def forward(self, x: Tensor, detail: Tensor, task: Tensor, prompts: int) -> Tensor:
        """X (B * prompts, C, h, w), detail (B, lateral, H, W), twice as large or more, task (B * prompts, D)."""
        # Resize and convolve: pixel shuffle left a checkerboard in trials.
        x = grown(self.narrow(x), detail) + self.lateral(per_prompt(detail, prompts))
        scale, shift = self.film(task)[:, :, None, None].chunk(2, dim=1)
        y = nn.functional.silu(self.norm(x) * (1 + scale) + shift)
        y = nn.functional.silu(self.first(y))
        out: Tensor = x + self.second(y)
        return out


class Painter(nn.Module):
    """Levels 1/8, 1/4, 1/2, then the image itself."""

    def __init__(self, config: GeneratorConfig, token_width: int) -> None:
        """See GeneratorConfig for the channels."""
        super().__init__()
        widths = (config.denoiser_channels[0], *config.decoder_channels)
        self.paints_stops = config.paints_stops
        lateral = pyramid(config.encoder).channels
        self.levels = nn.ModuleList(
            Level(widths[i], widths[i + 1], lateral[2 - i], token_width, once=config.light_painter and i == LARGEST)
            for i in range(LARGEST + 1)
        )
        last, fine = widths[-2], widths[-1]
        self.narrow = nn.Conv2d(last, fine, 1)
        self.lateral = nn.Conv2d(3, fine, 3, padding=1)
        self.mix = None if config.light_painter else nn.Conv2d(fine, fine, 3, padding=1)
        self.colour = nn.Conv2d(fine, 3, 1)
        self.slope = nn.Linear(token_width, 6)
        nn.init.zeros_(self.slope.weight)
        nn.init.zeros_(self.slope.bias)
        self.place = nn.Conv2d(fine, 2, 1)
        nn.init.zeros_(self.place.weight)
        nn.init.constant_(self.place.bias, MIDDLE)
        if config.canonical_camera:
            # The same picture taken with twice the focal length shows what is twice as far away: about one step of the
            # place's logit for one of log depth (Metric3D, Yin et al. 2023, arXiv 2307.10984).
            self.zoom: nn.Parameter | None = nn.Parameter(torch.full((1,), ZOOM))
        else:
            self.register_parameter("zoom", None)
        self.query = nn.Conv2d(fine, config.query_dim, 1)
        self.key = nn.Linear(token_width, config.query_dim)
        self.key_bias = nn.Linear(token_width, 1)

    def forward(self, x: Tensor, seen: Seen) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Paint.

        x (N, C, h, w) from the denoiser.
        Returns rgb (N, 3, H, W) in about [-1, 1]; the attention's logits (N, T, H, W); the regressed colour, as rgb;
        place on the colour map and unsureness (N, 2, H, W) in [0, 1].
        """
        prompts = x.shape[0] // seen.image.shape[0]
        for level, detail in zip(self.levels, reversed(seen.maps[:3]), strict=True):
            x = level(x, detail, seen.task, prompts)
        return self.colours(self.finest(x, per_prompt(seen.image, prompts)), seen)

    def finest(self, x: Tensor, image: Tensor) -> Tensor:
        """From 1/2 to the last feature map (N, C, H, W), with the detail of the image itself (N or 1, 3, H, W)."""
        x = nn.functional.silu(grown(self.narrow(x), image) + self.lateral(image))
        return x if self.mix is None else x + nn.functional.silu(self.mix(x))

    def moved(self, zoom: Tensor) -> Tensor:
        """What the camera adds to the logits of place and unsureness, (N, 2, 1, 1), or nothing."""
        if self.zoom is None:
            return zoom.new_zeros(())
        along = zoom * self.zoom
        return torch.stack((along, torch.zeros_like(along)), dim=1)[..., None, None]

    def colours(self, x: Tensor, seen: Seen) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """From the last feature map (N, C, H, W) to what `forward` returns."""
        tokens, rows, evidence = seen.tokens, seen.rows, seen.evidence
        shape = x.shape[2:]
        # An instance's colour is its place in the picture: a task may let colours rise with it.
        rise = self.slope(seen.task).unflatten(1, (3, 2)) @ places(x).flatten(2)
        free, place = self.colour(x) + rise.unflatten(2, shape), torch.sigmoid(self.place(x) + self.moved(seen.zoom))
        query = self.query(x).flatten(2)  # (N, Q, HW)
        logits = torch.bmm(self.key(tokens), query) + self.key_bias(tokens)  # (N, T, HW)
        if evidence is not None:
            logits = logits * evidence.trust[..., None] + grown(evidence.nats, x).flatten(2)
        stop, (has_colour, paints, decided) = rows[..., STOP], painting_rows(rows)
        logits = logits + ((1 - paints) * MASKED)[..., None]
        weight = torch.softmax(logits * decided[..., None], dim=1)
        given = torch.bmm((rows[..., COLOUR] * has_colour[..., None]).transpose(1, 2), weight)
        chosen = torch.bmm((1 - has_colour)[:, None], weight)
        if self.paints_stops:
            first, steps, count = colour_steps(rows)
            at = place[:, :1].flatten(2) * (count - 1)[..., None] + 1
            ramp = (at - stop[..., None]).clamp(0, 1)  # (N, T, HW): how much of the way to the next stop
            sure, off = (first[..., None] + torch.bmm(steps.transpose(1, 2), ramp)).chunk(2, dim=1)
            given = given + sure + place[:, 1:].flatten(2) * off
            chosen = chosen * (1 - count.clamp(0, 1))[..., None]
        rgb = given + chosen * free.flatten(2)
        return rgb.unflatten(2, shape), logits.unflatten(2, shape), free, place
