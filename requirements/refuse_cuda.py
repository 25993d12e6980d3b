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


def have_gpu() -> bool:
    """Whether an NVIDIA driver is at work."""
    tool = shutil.which("nvidia-smi")
    return bool(tool) and subprocess.run([str(tool), "-L"], check=False, capture_output=True).returncode == 0


def main(arguments: list[str]) -> int:
    """0 when pip may go on."""
    cuda = [] if have_gpu() else [name for name in foreseen(arguments) if name.startswith(("nvidia", "cuda", "triton"))]
    if cuda:
        sys.stderr.write(
            f"make: torch would come as a CUDA build with {len(cuda)} packages ({cuda[0]}, ...) and this machine has "
            "no NVIDIA GPU; name PyTorch's index of CPU builds (pytorch.org, Get Started: Linux, Pip, CPU shows it "
            "after --index-url): make test-training TORCH_INDEX=<that address>\n"
        )
    return 1 if cuda else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
