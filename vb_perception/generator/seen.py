"""What is made of image and prompts before anything is painted."""

from typing import NamedTuple

from torch import Tensor


class Evidence(NamedTuple):
    """For each row of the prompts: nats (N, T, h, w) at some size, and trust (N, T), what the painter's own count."""

    nats: Tensor
    trust: Tensor


class Seen(NamedTuple):
    """Of B images and N prompts.

    image (B, 3, H, W); maps of the encoder, finest first: 1/2 of the image, the others of its overview
    (B, 3, h, w); features (N, C, h/16, w/16); tokens (N, T, D); task (N, D);
    rows (N, T, 11), the columns of the prompts that follow the embedding; zoom (N,), the log of the focal length over
    that of the canonical camera; evidence of where each pixel points, beside what the painter says: what the recogniser
    finds at 1/8, and what the teacher's noisy picture shows.
    """

    image: Tensor
    maps: list[Tensor]
    features: Tensor
    tokens: Tensor
    task: Tensor
    rows: Tensor
    zoom: Tensor
    evidence: Evidence | None
