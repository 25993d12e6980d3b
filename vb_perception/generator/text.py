"""A small text encoder over bytes: no vocabulary file and no tokenizer in the node."""

import torch
from torch import Tensor, nn

from vb_perception.generator.config import GeneratorConfig


class TextEncoder(nn.Module):
    """bytes (P, phrase_bytes) int64, UTF-8, zero padded -> embedding (P, embedding_dim)."""

    def __init__(self, config: GeneratorConfig) -> None:
        """Two transformer layers and a mean over the bytes."""
        super().__init__()
        self.config = config
        dim = config.embedding_dim
        self.bytes = nn.Parameter(torch.randn(256, dim))
        self.position = nn.Parameter(torch.zeros(config.phrase_bytes, dim))
        nn.init.normal_(self.position, std=0.02)
        layer = nn.TransformerEncoderLayer(
            dim, nhead=4, dim_feedforward=2 * dim, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, config.text_layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(dim)

    def forward(self, phrases: Tensor) -> Tensor:
        """Embed each phrase; padding is neither attended to nor averaged."""
        present = phrases != 0
        # An all-padding row would leave softmax without a candidate.
        attend = present.clone()
        attend[:, 0] = True
        x = self.layers(self.bytes[phrases] + self.position, src_key_padding_mask=~attend)
        weight = present.unsqueeze(-1).to(x.dtype)
        pooled = (x * weight).sum(1) / weight.sum(1).clamp(min=1.0)
        return self.norm(pooled)


def phrase_rows(phrases: list[str], phrase_bytes: int) -> Tensor:
    """Phrases as the zero-padded byte rows (P, phrase_bytes) int64 that TextEncoder reads."""
    rows = torch.zeros(len(phrases), phrase_bytes, dtype=torch.int64)
    for row, phrase in zip(rows, phrases, strict=True):
        encoded = phrase.strip().lower().encode()[:phrase_bytes]
        row[: len(encoded)] = torch.tensor(list(encoded), dtype=torch.int64)
    return rows
