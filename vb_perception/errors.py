"""The errors of vb_perception.

::

    VbPerceptionError
     +- ConfigError      unknown key or task text, value out of range
     +- FrameError       unsupported encoding, size and step disagree, uncalibrated camera
     +- CheckpointError  missing or unexpected weights, config disagrees
     +- EngineError
     |   +- EngineUnavailableError  library or GPU absent: names what to install
     |   +- EngineMismatchError     built for another GPU, version, size or weights
     |   +- InferenceError          the run itself failed
     |       +- NonFiniteError      it ran, and the answer holds NaN or infinity
     +- ExportError      the exported graph differs from torch by more than the tolerance
     +- BagError         no such topic, no camera_info, truncated file

Every message says what came, what was expected and what to do.
"""


class VbPerceptionError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigError(VbPerceptionError):
    """A setting, an instruction or an argument cannot be used."""


class FrameError(VbPerceptionError):
    """One camera frame cannot be used; the next one may be fine."""


class CheckpointError(VbPerceptionError):
    """A checkpoint is missing, damaged or belongs to another configuration."""


class EngineError(VbPerceptionError):
    """The compiled network cannot be loaded or run."""


class EngineUnavailableError(EngineError):
    """A runtime library or its device is absent."""


class EngineMismatchError(EngineError):
    """A model file is not the one that its spec describes."""


class InferenceError(EngineError):
    """The network was loaded, but this run failed."""


class NonFiniteError(InferenceError):
    """The network ran, and its answer holds NaN or infinity."""


class ExportError(VbPerceptionError):
    """The exported graph does not compute what the trained network computes."""


class BagError(VbPerceptionError):
    """A bag cannot be read or lacks what is needed."""
