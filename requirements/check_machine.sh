#!/bin/sh
# Says in one sentence what this machine lacks to set up .venv, with the command that installs it.  $1: the python to use.
python=$1
missing="" packages=""
lacks() { missing="${missing:+$missing, }$1" packages="${packages:+$packages }$2"; }

if [ "$(uname -s) $(uname -m)" != "Linux x86_64" ]; then
    echo "make: the ROS 2 wheels exist for Linux on x86-64 only and this is $(uname -s) on $(uname -m); build with colcon in a ROS 2 workspace instead, as README.md tells." >&2
    exit 1
fi
if ! command -v "$python" >/dev/null; then
    lacks "$python" "python3 python3-venv python3-dev"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    lacks "python 3.10 or newer ($python is $("$python" -c 'import platform; print(platform.python_version())'))" \
        "python3.10 python3.10-venv python3.10-dev"
else
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    "$python" -c 'import ensurepip, venv' 2>/dev/null || lacks "python's venv module" "python$version-venv"
    "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_paths()["include"] + "/Python.h"))' ||
        lacks "python's C headers" "python$version-dev"
fi
{ command -v cc && command -v c++; } >/dev/null || lacks "a C and C++ compiler" "gcc g++"

[ -z "$missing" ] && exit 0
[ "$(id -u)" = 0 ] && as_root="" || as_root="sudo "
case $packages in python3.10*) then=", and say which python to use: make PYTHON=python3.10" ;; *) then="" ;; esac
echo "make: this machine lacks $missing; install with: ${as_root}apt-get install -y $packages$then" >&2
exit 1
