"""The trained generator, rewritten for compilers: the same function in an order that runtimes run faster.

None of it a weight notices; the export compares the result with the generator itself.

- Batch normalisation is folded into the convolutions.
- What is the same for all prompts of an image is convolved once and added to each of them.
- In the painter, whose maps are large, group normalisation and the task's modulation become one scale and one shift a
  channel, so that no runtime has to lay the image out anew to group its channels.
- The last attention runs with the tokens of a pixel side by side in memory: ONNX Runtime's softmax over the other axis
  alone took a quarter of the frame.  The regressed colour and place are one convolution.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vb_perception.generator.denoiser import places
from vb_perception.generator.painter import MASKED, Level, Painter, colour_steps, grown, painting_rows
from vb_perception.generator.seen import Seen
from vb_perception.generator.student import Generator
from vb_perception.runtime.text import COLOUR, STOP


class CompiledForm(nn.Module):
    """image, rays, prompts -> rgb alone, kept in [-1, 1]; weights are copies."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = fold_batch_norm(generator)
        self.generator.painter = _PixelPainter(self.generator.painter)

    def forward(self, image: Tensor, rays: Tensor, prompts: Tensor) -> Tensor:
        """As the engines' contract says: (1, 3, H, W), (1, 2, H, W), (N, T, D) -> (N, 3, H, W)."""
        return self.generator(image, rays, prompts).rgb.clamp(-1, 1)


def fold_batch_norm(generator: Generator) -> Generator:
    """A copy whose encoder has its batch normalisation folded into the convolutions."""
    folded = copy.deepcopy(generator).eval()
    stem = folded.encoder.stem
    stem[0], stem[1] = fuse_conv_bn_eval(stem[0], stem[1]), nn.Identity()
    for block in folded.encoder.blocks:
        for conv, norm in (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")):
            if hasattr(block, conv):
                setattr(block, conv, fuse_conv_bn_eval(getattr(block, conv), getattr(block, norm)))
                setattr(block, norm, nn.Identity())
    return folded


class ScaleShiftNorm(nn.Module):
    """Group normalisation (Wu and He 2018) and a modulation as x * a + b, with a and b of each channel."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.groups, self.eps = norm.num_groups, norm.eps
        self.weight, self.bias = norm.weight, norm.bias

    def forward(self, x: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
        """`norm(x) * gain + offset`: x (N, C, H, W), the others (N, C, 1, 1)."""
        centre = x.mean((2, 3), keepdim=True)
        spread = (x - centre).square().mean((2, 3), keepdim=True)
        mean = self._pooled(centre)
        variance = self._pooled(spread + (centre - mean).square())
        scale = self.weight[:, None, None] * torch.rsqrt(variance + self.eps)
        shift = self.bias[:, None, None] - mean * scale
        return x * (scale * gain) + (shift * gain + offset)

    def _pooled(self, x: Tensor) -> Tensor:
        """The mean of each group, for each of its channels (N, C, 1, 1)."""
        channels = x.shape[1]
        grouped = x.reshape(-1, self.groups, channels // self.groups)
        return grouped.mean(2, keepdim=True).expand_as(grouped).reshape(-1, channels, 1, 1)


class _PixelPainter(nn.Module):
    """`Painter.forward`, with the pointing as one matrix product a pixel; only rgb comes out."""

    def __init__(self, painter: Painter) -> None:
        super().__init__()
        self.painter = painter
        self.norms = nn.ModuleList(ScaleShiftNorm(level.norm) for level in painter.levels)
        self.tail = PaintingTail(painter)

    def forward(self, x: Tensor, seen: Seen) -> tuple[Tensor, None, None, None]:
        """See `Painter.forward`."""
        painter = self.painter
        for level, norm, detail in zip(painter.levels, self.norms, reversed(seen.maps[:3]), strict=True):
            x = _finer(level, norm, x, detail, seen.task)
        return self.tail(painter.finest(x, seen.image), seen), None, None, None


def _finer(level: Level, norm: ScaleShiftNorm, x: Tensor, detail: Tensor, task: Tensor) -> Tensor:
    """`Level.forward`, with the encoder's detail once for all prompts."""
    x = grown(level.narrow(x), detail) + level.lateral(detail)
    gain, offset = level.film(task)[:, :, None, None].chunk(2, dim=1)
    y = nn.functional.silu(norm(x, 1 + gain, offset))
    out: Tensor = x + level.second(nn.functional.silu(level.first(y)))
    return out


class PaintingTail(nn.Module):
    """From the last feature map to the colours.  In every precision this part is computed in fp32."""

    def __init__(self, painter: Painter) -> None:
        super().__init__()
        self.painter = painter

    def forward(self, x: Tensor, seen: Seen) -> Tensor:
        """Feature map x (N, C, H, W) -> rgb (N, 3, H, W)."""
        tokens, rows, evidence = seen.tokens, seen.rows, seen.evidence
        painter, size = self.painter, x.shape[2:]
        rise = painter.slope(seen.task).unflatten(1, (3, 2)) @ places(x).flatten(2)
        both = torch.cat((painter.colour.weight, painter.place.weight))  # one convolution: 3 colours, 2 places
        regressed = nn.functional.conv2d(x, both, torch.cat((painter.colour.bias, painter.place.bias))).flatten(2)
        free, place = regressed[:, :3] + rise, regressed[:, 3:]
        if painter.zoom is not None:
            place = place + painter.moved(seen.zoom)[..., 0]
        place = torch.sigmoid(place)
        stop, (has_colour, paints, decided) = rows[..., STOP], painting_rows(rows)
        own = decided if evidence is None else decided * evidence.trust  # (N, T) or (N, 1)
        # key . (W x + b) = (key W) . x + key . b: the query's convolution is paid once a prompt instead of once a pixel
        key = painter.key(tokens) * own[..., None]
        weights = (key @ painter.query.weight[:, :, 0, 0]).transpose(1, 2)  # (N, C, T)
        biases = key @ painter.query.bias + painter.key_bias(tokens)[..., 0] * own + (1 - paints) * MASKED  # (N, T)
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2)  # (N, HW, C)
        logits = pixels @ weights + biases[:, None]
        if evidence is not None:
            logits = logits + grown(evidence.nats * decided[..., None, None], x).flatten(2).transpose(1, 2)
        weight = torch.softmax(logits, dim=-1)
        uncoloured = 1 - has_colour
        if painter.paints_stops:
            first, steps, count = colour_steps(rows)
            uncoloured = uncoloured * (1 - count.clamp(0, 1))
        colours = torch.cat((rows[..., COLOUR] * has_colour[..., None], uncoloured[..., None]), dim=-1)
        mixed = (weight @ colours).transpose(1, 2)  # (N, 4, HW)
        rgb = mixed[:, :3] + mixed[:, 3:] * free
        if painter.paints_stops:
            ramp = (place[:, :1] * (count - 1)[..., None] + (1 - stop[..., None])).clamp(0, 1)  # (N, T, HW)
            ramped = steps.transpose(1, 2) @ ramp + first[..., None]
            rgb = rgb + ramped[:, :3] + place[:, 1:] * ramped[:, 3:]
        return rgb.unflatten(2, size)
