"""What pip needs beyond pyproject.toml: the ROS 2 messages.

`pip install --no-build-isolation .`, in an environment that holds the ROS 2 wheels, runs the same CMakeLists.txt that
`colcon build` uses and puts its messages and data into the wheel.  `--editable` leaves the Python sources where they
are and installs the messages only; `vb_perception/__init__.py` joins the two halves.  Where no message generators are
at hand, the Python half is installed alone: everything but `vb_perception.ros` works.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from setuptools import Command, Distribution, setup
from setuptools.command.build import build

NAME = "vb_perception"
SOURCE = Path(__file__).resolve().parent
CMAKE_READS = ("CMakeLists.txt", "package.xml", "LICENSE", "msg", "srv", "action", "config", "launch")
LIVE_IN_CHECKOUT = ("config", "launch")  # an editable installation links to these: see the Makefile


def ament_prefixes() -> list[str]:
    """Where ROS 2 packages lie: the sourced workspaces, then this environment."""
    sourced = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    return list(dict.fromkeys(prefix for prefix in [*sourced, sys.prefix] if prefix))


def have_generators() -> bool:
    """Whether ROS 2's message generators are at hand."""
    return any(Path(prefix, "share/rosidl_default_generators/cmake").is_dir() for prefix in ament_prefixes())


def install_messages(scratch: Path) -> Path:
    """Run CMakeLists.txt on a copy of what it reads; the install tree that it leaves."""
    # A copy: CMake refuses numpy's include directory when the environment lies inside the source directory.
    source, build, stage = scratch / "source", scratch / "build", scratch / "stage"
    shutil.rmtree(scratch, ignore_errors=True)
    source.mkdir(parents=True)
    for name in CMAKE_READS:
        item = SOURCE / name
        if item.is_dir():
            shutil.copytree(item, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(item, source / name)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    prefixes = os.pathsep.join(ament_prefixes())
    environment |= {"AMENT_PREFIX_PATH": prefixes, "CMAKE_PREFIX_PATH": prefixes}
    environment["PATH"] = f"{sys.prefix}/bin{os.pathsep}{environment['PATH']}"  # cmake and ninja come as wheels
    options = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_INSTALL_PREFIX": stage,
        "CMAKE_PROJECT_INCLUDE": SOURCE / "cmake/wheel_fix.cmake",
        "Python3_EXECUTABLE": sys.executable,
        "VB_ONLY_MESSAGES": "ON",
    }
    definitions = [f"-D{name}={value}" for name, value in options.items()]
    generator = ["-G", "Ninja"] if shutil.which("ninja", path=environment["PATH"]) else []
    configure = ["cmake", "-S", str(source), "-B", str(build), *generator, *definitions]
    subprocess.run(configure, env=environment, check=True)
    subprocess.run(["cmake", "--build", str(build), "--target", "install", "--parallel"], env=environment, check=True)
    return stage


def copy(path: Path, target: Path) -> None:
    """Copy a file, making the directories above it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, target)


class BuildMessages(Command):
    """A part of `build`, beside build_py: hands the generated files to the wheel."""

    user_options: ClassVar[list[tuple[str, str, str]]] = []
    editable_mode = False  # setuptools sets it

    def initialize_options(self) -> None:
        """Nothing to set."""

    def finalize_options(self) -> None:
        """Nothing to derive."""

    def run(self) -> None:
        """Build the messages and sort their files: Python beside our sources, the rest below the prefix."""
        scratch = Path(self.get_finalized_command("build").build_temp).resolve()
        stage = install_messages(scratch / "messages")
        for path in sorted(p for p in stage.rglob("*") if p.is_file()):
            where = path.relative_to(stage)
            if "site-packages" in where.parts:
                self._add_module(path, Path(*where.parts[where.parts.index("site-packages") + 1 :]))
            elif where.parent == Path("lib") or where.parts[0] == "share":  # not the C headers: nobody compiles here
                self._add_below_prefix(path, where)

    def _add_module(self, path: Path, where: Path) -> None:
        if where.parts[0] != NAME or where.suffix in {".c", ".pyc"} or where == Path(NAME, "__init__.py"):
            return  # sources, package metadata, and the generated, empty __init__.py: ours is the package
        if self.editable_mode:  # setuptools packs this directory, but puts none of our Python there
            copy(path, Path(self.get_finalized_command("install").install_platlib, where))
        else:
            copy(path, Path(self.get_finalized_command("build").build_lib, where))

    def _add_below_prefix(self, path: Path, where: Path) -> None:
        if not self.editable_mode:
            self.distribution.data_files.append((str(where.parent), [str(path)]))
        elif not (where.parts[0] == "share" and where.parts[2] in LIVE_IN_CHECKOUT):
            copy(path, Path(self.get_finalized_command("install").install_data, where))

    def get_source_files(self) -> list[str]:
        """What setuptools asks of a part of `build`: nothing for a source archive."""
        return []

    def get_outputs(self) -> list[str]:
        """What setuptools asks of a part of `build`: nothing to link to."""
        return []

    def get_output_mapping(self) -> dict[str, str]:
        """What setuptools asks of a part of `build`: nothing to link to."""
        return {}


class BuildWithMessages(build):
    """`build`, with the messages where their generators are at hand."""

    sub_commands: ClassVar = [*build.sub_commands, ("build_messages", lambda _: have_generators())]


class MessageDistribution(Distribution):
    """A wheel with messages holds compiled code."""

    def has_ext_modules(self) -> bool:
        """Whether the wheel belongs to one platform."""
        return have_generators()


setup(
    data_files=[],
    cmdclass={"build": BuildWithMessages, "build_messages": BuildMessages},
    distclass=MessageDistribution,
    zip_safe=False,
)
