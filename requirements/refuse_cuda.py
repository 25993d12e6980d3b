"""Stop before pip fetches gigabytes of CUDA packages onto a machine that has no use for them.

Takes pip's own arguments, asks pip what it would install, installs nothing.  A machine with an NVIDIA GPU passes.
"""

import json
import shutil
import subprocess
import sys


def foreseen(arguments: list[str]) -> list[str]:
    """The names that `pip install` would fetch."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-", *arguments]
    answer = subprocess.run(pip, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [item["metadata"]["name"] for item in json.loads(answer)["install"]]


def main(arguments: list[str]) -> int:
    """0 when pip may go on."""
    if shutil.which("nvidia-smi") and subprocess.run(["nvidia-smi", "-L"], check=False, capture_output=True).returncode == 0:
        return 0
    cuda = sorted(name for name in foreseen(arguments) if name.startswith(("nvidia", "cuda", "triton")))
    if not cuda:
        return 0
    sys.stderr.write(
        f"make: torch would come as a CUDA build with {len(cuda)} packages ({cuda[0]}, ...) and this machine has no NVIDIA "
        "GPU; name PyTorch's index of CPU builds (pytorch.org, Get Started: Linux, Pip, CPU shows it after --index-url): "
        "make test-training TORCH_INDEX=<that address>\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
