"""The package is described in several places (package.xml, CMakeLists.txt, pyproject.toml, ...): they must agree."""

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from packaging.requirements import Requirement

import vb_perception

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CHECKOUT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
PACKAGE_XML = ET.parse(CHECKOUT / "package.xml").getroot()  # noqa: S314 - our own file
SCRIPTS: dict[str, str] = PYPROJECT["project"]["scripts"]
ROS_PACKAGE = re.compile(r"rclpy|launch|launch_ros|ament_index_python|\w+_(msgs|srvs|interfaces)")
# Import name -> name in package.xml.  onnxruntime and openvino have no rosdep name: README.md tells how to get them.
ROSDEP = {"cv2": "python3-opencv", "numpy": "python3-numpy"}
NEEDS_GENERATORS = pytest.mark.skipif(
    not Path(sys.prefix, "share/rosidl_default_generators").is_dir(),
    reason="no ROS 2 message generators in this environment: run `make test`",
)


def imported_by(*paths: Path) -> set[str]:
    """First names of everything that these files import, anywhere in them."""
    names = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names


def declared(*kinds: str) -> set[str]:
    return {element.text or "" for kind in kinds for element in PACKAGE_XML.iter(kind)}


def node_sources() -> list[Path]:
    """What runs on a robot: everything but training and export."""
    rooms = (path for path in (CHECKOUT / "vb_perception").rglob("*.py"))
    robot = [path for path in rooms if not {"generator", "training"} & set(path.parts)]
    return [*robot, *(CHECKOUT / "launch").glob("*.py")]


def tracked(*folders: str) -> set[str]:
    """What git knows or would add, relative to the checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    listing = subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, text=True)
    return {name for name in listing.stdout.splitlines() if (CHECKOUT / name).is_file()}


def test_colcon_and_pip_install_the_same_executables() -> None:
    pairs = re.findall(r"^ *vb_executable\((\S+) (\S+)\)", (CHECKOUT / "CMakeLists.txt").read_text(), re.MULTILINE)
    assert {name: f"{module}:main" for name, module in pairs} == SCRIPTS


@pytest.mark.parametrize("target", SCRIPTS.values(), ids=SCRIPTS)
def test_executables_exist(target: str) -> None:
    module, _, function = target.partition(":")
    tree = ast.parse((CHECKOUT / module.replace(".", "/")).with_suffix(".py").read_text())
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_package_xml_names_the_ros_packages_that_are_imported() -> None:
    imported = {name for name in imported_by(*node_sources()) if ROS_PACKAGE.fullmatch(name)}
    stated = declared("depend", "exec_depend")
    assert imported - stated == set(), "imported, but not in package.xml"
    unused = {name for name in stated if ROS_PACKAGE.fullmatch(name)} - imported
    in_our_messages = {"std_msgs", "geometry_msgs", "action_msgs"}  # action_msgs: actions are made of them
    assert unused - in_our_messages == set(), "in package.xml, but never imported"


def test_package_xml_names_the_python_packages_of_the_node() -> None:
    imported = imported_by(*node_sources())
    assert {ROSDEP[name] for name in imported & ROSDEP.keys()} == declared("exec_depend") & set(ROSDEP.values())


def test_messages_depend_on_what_cmake_and_package_xml_say() -> None:
    paths = [path for room in ("msg", "srv", "action") for path in sorted((CHECKOUT / room).iterdir())]
    used = set(re.findall(r"^(\w+)/\w+", "".join(path.read_text() for path in paths), re.MULTILINE)) | {"action_msgs"}
    cmake = (CHECKOUT / "CMakeLists.txt").read_text()
    stated = re.findall(r"rosidl_generate_interfaces\(.*\s+DEPENDENCIES ([\w ]+)\)", cmake)
    assert [used] == [set(names.split()) for names in stated]
    assert used == declared("depend")


def test_one_version_everywhere() -> None:
    changelog = (CHECKOUT / "CHANGELOG.md").read_text()
    newest = re.search(r"^## \[?v?(\d+\.\d+\.\d+)", changelog, re.MULTILINE)
    assert newest, "CHANGELOG.md: no heading of the form `## 0.1.0`"
    assert PACKAGE_XML.findtext("version") == vb_perception.__version__ == newest[1]
    assert PYPROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "vb_perception.__version__"}


@pytest.mark.parametrize("path", sorted((CHECKOUT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_requirements_are_pinned_for_every_python(path: Path) -> None:
    lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    requirements = [Requirement(line) for line in lines if line]
    if path.name == "benchmarks.txt":
        pytest.skip("the simulator has no wheel for Python 3.10, and its figures are optional")
    for version in ("3.10", "3.11", "3.12", "3.13", "3.14"):
        chosen = [r for r in requirements if r.marker is None or r.marker.evaluate({"python_version": version})]
        assert sorted(r.name for r in chosen) == sorted({r.name for r in requirements}), f"not one each on {version}"
    assert all(re.fullmatch(r"==[\w.]+", str(requirement.specifier)) for requirement in requirements)


def test_what_pip_requires_is_pinned_for_the_node() -> None:
    pinned = (CHECKOUT / "requirements/node.txt").read_text()
    for name in PYPROJECT["project"]["dependencies"]:
        assert re.search(rf"^{name}==", pinned, re.MULTILINE), name


def clean_copy(target: Path) -> Path:
    """The files that git knows, as a fresh clone would have them."""
    for name in tracked():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, target / name)
    return target


def environment(scratch: Path) -> dict[str, str]:
    """This environment as the only ROS 2 prefix, its tools first on PATH; `scratch` holds ccache's work."""
    changed = {"AMENT_PREFIX_PATH": sys.prefix, "CMAKE_PREFIX_PATH": sys.prefix}
    changed["PATH"] = f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}"
    if shutil.which("ccache"):
        changed |= {f"CMAKE_{language}_COMPILER_LAUNCHER": "ccache" for language in ("C", "CXX")}
        changed |= {"CCACHE_DIR": str(scratch.parent / "ccache"), "CCACHE_BASEDIR": str(scratch.parent)}
        changed |= {"CCACHE_NOHASHDIR": "1"}
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | changed


@pytest.mark.slow
@pytest.mark.compiles
@NEEDS_GENERATORS
def test_colcon_builds_a_clean_copy(tmp_path: Path) -> None:
    source = clean_copy(tmp_path / "src/vb_perception")
    fix = f"-DCMAKE_PROJECT_INCLUDE={source}/cmake/wheel_fix.cmake"  # for the wheels; on a robot plain `colcon build`
    options = [fix, "-DCMAKE_BUILD_TYPE=Release", "-G", "Ninja"]
    command = ["colcon", "build", "--event-handlers", "console_direct+", "--cmake-args", *options]
    build = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path), check=False, capture_output=True, text=True
    )
    assert build.returncode == 0, build.stdout + build.stderr

    prefix = tmp_path / "install/vb_perception"
    share = prefix / "share/vb_perception"
    data = [path for room in ("config", "launch") for path in (share / room).rglob("*") if path.is_file()]
    assert {str(path.relative_to(share)) for path in data} == tracked("config", "launch")
    executables = {path.name for path in (prefix / "lib/vb_perception").iterdir() if os.access(path, os.X_OK)}
    assert executables == set(SCRIPTS)
    (python,) = prefix.glob("lib/python3*/site-packages")
    assert {name for name in tracked("vb_perception") if not (python / name).is_file()} == set()

    code = (
        "import vb_perception.srv, vb_perception.action, vb_perception.msg as m, rclpy.serialization as s; "
        "s.serialize_message(m.LatencyStats()); print(m)"
    )
    paths = {"PYTHONPATH": str(python), "LD_LIBRARY_PATH": f"{prefix}/lib:{os.environ.get('LD_LIBRARY_PATH', '')}"}
    use = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(tmp_path) | paths, check=True, capture_output=True
    )
    assert str(python) in use.stdout.decode()


@pytest.mark.slow
@pytest.mark.compiles
@NEEDS_GENERATORS
def test_the_wheel_holds_sources_models_messages_and_data(tmp_path: Path) -> None:
    source = clean_copy(tmp_path / "source")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--wheel-dir", "out"]
    subprocess.run([*pip, str(source)], cwd=tmp_path, env=environment(tmp_path), check=True)
    (wheel,) = (tmp_path / "out").glob("vb_perception-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert tracked("vb_perception") - names == set()
    assert "vb_perception/msg/_latency_stats.py" in names
    data = f"vb_perception-{vb_perception.__version__}.data/data"
    assert {f"{data}/share/vb_perception/{name}" for name in tracked("config", "launch")} - names == set()
    assert f"{data}/lib/libvb_perception__rosidl_generator_py.so" in names
