"""The same batch, and the same answer, at a size that is some whole times smaller.

A teacher may see more than its student: the image at the size it was drawn, where the student sees the mean of each
`times` x `times` pixels.
"""

import dataclasses

from torch import Tensor, nn

from vb_perception.training.agreement import Answer
from vb_perception.training.stream import Batch


def shrunk(batch: Batch, times: int) -> Batch:
    """A batch of (H, W) as one of (H / times, W / times).

    Colours of the image and rays are means, as a camera of fewer pixels has them.  Truth is that of the pixel in the
    middle: a mean over a depth edge belongs to nothing.
    """
    if times == 1:
        return batch
    return dataclasses.replace(
        batch,
        image=_means(batch.image, times),
        rays=_means(batch.rays, times),
        target=_middles(batch.target, times),
        depth_m=_middles(batch.depth_m, times),
        valid=_middles(batch.valid, times),
        rows=_middles(batch.rows, times),
    )


def shrunk_answer(answer: Answer, times: int) -> Answer:
    """An answer about (H, W) as one about (H / times, W / times): what it says of each block of pixels in the mean.

    So it says softly what it sees change within a block: normals are short there, and shares are those of the block.
    """
    if times == 1:
        return answer
    log_depth = _means(answer.log_depth[:, None], times)[:, 0]
    return Answer(rgb=_means(answer.rgb, times), log_depth=log_depth, weight=_means(answer.weight, times))


def _means(of: Tensor, times: int) -> Tensor:
    return nn.functional.avg_pool2d(of, times)


def _middles(of: Tensor, times: int) -> Tensor:
    return of[..., times // 2 :: times, times // 2 :: times]
