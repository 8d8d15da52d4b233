#!/usr/bin/env bash
# Installs what a fresh Debian 12 (or newer) or Ubuntu 24.04 (or newer) machine needs to build and run touchstone.
# Says what it installs and why; quick when nothing is missing. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."

torch_version=2.13.0
torch_root=.deps/libtorch

# What to install, and why. One package a line.
packages='
g++ the C++20 compiler (12 or newer)
cmake describes the build (3.25 or newer)
ninja-build runs the build
ccache makes a second build fast
pkg-config finds libraries for CMake
libtbb-dev oneTBB: independent work side by side
nlohmann-json3-dev reads and writes JSON
libsqlitecpp-dev the results database, from C++
libsqlite3-dev the results database
zlib1g-dev reads .gz data files
libssl-dev SHA-256 of weights and data, with the processor'"'"'s own instructions
libfmt-dev formats numbers and text
libcli11-dev reads the command line
libboost-math-dev the distributions of the statistics: normal and Student t
libpcre2-dev the regular expressions of tokenizers and answer filters
libutf8proc-dev Unicode classes and normal forms of tokenizers
libpng-dev reads PNG pictures of data sets
libjpeg-dev reads JPEG pictures of data sets
libsndfile1-dev reads WAV and FLAC recordings of data sets
libcairo2-dev draws the charts of the micro world
fonts-dejavu-core the letters in them
libseccomp-dev the list of system calls that model-written code may make
bubblewrap the sandbox in which model-written code runs
python3-minimal the interpreter that model-written code is written for
libpython3-stdlib the standard library of that interpreter
python3-pip fetches LibTorch, which comes inside the PyTorch wheel
libgtest-dev GoogleTest: the tests
libgmock-dev GoogleMock: matchers of the tests
libbenchmark-dev Google Benchmark: speed of what is hot
git tells the program which version of the code it is built from
'
# For people who change the code: installed with --dev.
developer_packages='
clang-format-14 the format check of .ci/run
clang-14 builds the fuzz targets
clang-tidy-14 the lint rules of .clang-tidy
libclang-rt-14-dev the run-time library of fuzz targets
'

usage() {
  cat <<END
usage: scripts/setup.sh [--dev] [--verify]

Installs what is missing to build and run touchstone: packages of Debian or Ubuntu (with apt-get, as root or through
sudo), and LibTorch $torch_version, taken from PyTorch's own wheel and put into $torch_root of this folder.

  --dev      also what the format check, the lint rules and the fuzz targets need
  --verify   hash the libraries of LibTorch again, instead of looking at their sizes

Environment:
  TOUCHSTONE_LIBTORCH=DIR         take this LibTorch (2.6 or newer: a folder with include, lib and share) and fetch none
  TOUCHSTONE_TORCH_WHEEL=FILE     take this wheel of torch $torch_version instead of fetching one
  TOUCHSTONE_SKIP_PACKAGES=1      leave the system's packages alone: all that is needed is there
  PIP_INDEX_URL and pip's other settings are honoured.
END
}

say() { echo "setup: $*"; }
fail() {
  echo "setup: $*" >&2
  exit 2
}
# The lines of a package table, each as "name" words.
names() { awk 'NF {print $1}' <<<"$1"; }

manual() {
  cat >&2 <<END
setup: this system is neither Debian nor Ubuntu, so nothing was installed. What touchstone needs, by hand:
  g++ 12 or clang 14 or newer, CMake 3.25 or newer, Ninja, pkg-config, git; ccache if you like
  libraries with headers: oneTBB, nlohmann-json, SQLiteCpp, SQLite 3, zlib, libpng, libjpeg-turbo, libsndfile, cairo, OpenSSL, fmt, CLI11, PCRE2, utf8proc, libseccomp
  for the tests: GoogleTest with GoogleMock, Google Benchmark
  to run:        bubblewrap 0.8 or newer and Python 3.8 or newer (code that models write runs only in a sandbox)
  Fedora:        dnf install gcc-c++ cmake ninja-build ccache pkgconf git tbb-devel json-devel SQLiteCpp-devel sqlite-devel
                   zlib-devel openssl-devel fmt-devel cli11-devel pcre2-devel utf8proc-devel libpng-devel libjpeg-turbo-devel libsndfile-devel cairo-devel dejavu-sans-fonts libseccomp-devel gtest-devel
                   gmock-devel google-benchmark-devel bubblewrap python3 python3-pip
  Arch:          pacman -S gcc cmake ninja ccache pkgconf git onetbb nlohmann-json sqlite zlib openssl fmt cli11 pcre2
                   libutf8proc libpng libjpeg-turbo libsndfile cairo ttf-dejavu libseccomp gtest benchmark bubblewrap python python-pip   (and sqlitecpp)
Then run this again with TOUCHSTONE_SKIP_PACKAGES=1: it fetches LibTorch $torch_version alone (or none, with
TOUCHSTONE_LIBTORCH=DIR).
END
  exit 2
}

missing_packages() {
  local wanted installed
  wanted=$(names "$1" | sort)
  # shellcheck disable=SC2086  # one word a package
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | awk '$1 == "installed" {print $2}' | sort -u)
  # pkgconf gives pkg-config on newer systems
  if ! grep -qx pkg-config <<<"$installed" && command -v pkg-config >/dev/null; then installed=$(printf '%s\npkg-config\n' "$installed" | sort -u); fi
  comm -23 <(echo "$wanted") <(echo "$installed")
}

install_packages() {
  local table=$1 missing name as_root=()
  missing=$(missing_packages "$table")
  if [ -z "$missing" ]; then
    say "packages: all $(names "$table" | wc -l) are there"
    return
  fi
  while read -r name; do say "installing $(awk -v name="$name" '$1 == name {$1 = ""; print name ":" $0}' <<<"$table")"; done <<<"$missing"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "installing packages needs root: run 'apt-get install $(echo $missing)' as root, then this again"
    as_root=(sudo)
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq ||
    say "warning: apt-get update failed; going on with the package lists that are there"
  # shellcheck disable=SC2086
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
    fail "apt-get could not install: $(echo $missing)"
}

# Whether "3.25.1" is at least "3.25".
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

check_versions() {
  local cmake_version compiler_version
  cmake_version=$(cmake --version | awk 'NR == 1 {print $3}')
  at_least "$cmake_version" 3.25 || fail "CMake is $cmake_version, wanted 3.25 or newer (Debian 12, Ubuntu 24.04)"
  compiler_version=$("${CXX:-g++}" -dumpfullversion -dumpversion)
  case $("${CXX:-g++}" --version) in
    *clang*) at_least "$compiler_version" 14 || fail "clang is $compiler_version, wanted 14 or newer" ;;
    *) at_least "$compiler_version" 12 || fail "g++ is $compiler_version, wanted 12 or newer (Debian 12, Ubuntu 24.04)" ;;
  esac
}

system_packages() {
  if [ "${TOUCHSTONE_SKIP_PACKAGES:-}" = 1 ]; then
    say "packages: left alone, as TOUCHSTONE_SKIP_PACKAGES=1 asks"
  elif (. /etc/os-release && [[ " ${ID:-} ${ID_LIKE:-} " =~ \ (debian|ubuntu)\  ]]) 2>/dev/null && command -v apt-get >/dev/null; then
    install_packages "$packages$([ "$1" = yes ] && echo "$developer_packages" || true)"
  else
    manual
  fi
  check_versions
}

# The version and architecture that this script needs; the first line of the marker.
wanted_torch() { echo "torch $torch_version $(uname -m)"; }

# The marker lists "sha256 size path" of every library. True if all are as they were unpacked.
torch_is_there() {
  local marker=$torch_root/unpacked.txt hash size path
  [ -f "$marker" ] && [ "$(head -n 1 "$marker")" = "$(wanted_torch)" ] || return 1
  while read -r hash size path; do
    [ "$(stat -c %s "$torch_root/$path" 2>/dev/null)" = "$size" ] || return 1
    if [ "$1" = yes ]; then sha256sum --status -c <<<"$hash  $torch_root/$path" || return 1; fi
  done < <(tail -n +2 "$marker")
}

fetch_wheel() {
  local into=$1 wanted="torch==$torch_version+cpu"
  # Every wheel of one version holds the same C++ libraries, so it need not be for this machine's own Python.
  local options=(--quiet --no-deps --disable-pip-version-check --no-input --only-binary=:all: --python-version 3.11
    --implementation cp --abi cp311 --dest "$into")
  python3 -m pip --version >/dev/null 2>&1 || fail "pip is missing: apt-get install python3-pip (or name a wheel with TOUCHSTONE_TORCH_WHEEL=FILE)"
  say "fetching LibTorch $torch_version inside PyTorch's CPU wheel (about 190 MB)"
  if python3 -m pip download "${options[@]}" "$wanted" 2>"$into/reason"; then return; fi
  # The default index has CPU wheels, without the "+cpu", for other processors; for x86-64 it has CUDA's, of 900 MB.
  if [ "$(uname -m)" != x86_64 ] && python3 -m pip download "${options[@]}" "torch==$torch_version" 2>"$into/reason"; then return; fi
  tail -n 3 "$into/reason" >&2
  fail "pip cannot get the CPU wheel of torch $torch_version. Is there a network? The index that pip asks by default has only
  the CUDA wheel for this processor: set PIP_INDEX_URL to PyTorch's own index of CPU wheels (its site shows the address under
  'Get started': Stable, Linux, Pip, C++/Python, CPU) and run this again; or name a wheel with TOUCHSTONE_TORCH_WHEEL=FILE, or
  an unpacked LibTorch 2.6 or newer with TOUCHSTONE_LIBTORCH=DIR"
}

# Unpacks lib, include, share and the licences of a wheel; every file is checked against the wheel's own list of hashes.
unpack_wheel() {
  python3 - "$1" "$2" "$(wanted_torch)" "$torch_version" <<'END'
import base64, hashlib, os, sys, time, zipfile, zlib
wheel, target, first_line, version = sys.argv[1:]
def damaged(reason): sys.exit('setup: %s is damaged: %s' % (wheel, reason))
try: archive = zipfile.ZipFile(wheel)
except zipfile.BadZipFile as error: damaged(error)
information = next(n.split('/')[0] for n in archive.namelist() if n.endswith('.dist-info/RECORD'))
found = information[len('torch-'):-len('.dist-info')]
if not information.startswith('torch-') or found.split('+')[0] != version:
    sys.exit('setup: %s holds %s, wanted torch %s' % (wheel, information[:-len('.dist-info')], version))
record = dict(line.rsplit(',', 2)[:2] for line in archive.read(information + '/RECORD').decode().splitlines() if line)
marker = [first_line]
for entry in archive.infolist():
    name = entry.filename
    parts = name.split('/')
    wanted = parts[0] == 'torch' and parts[1] in ('lib', 'include', 'share') and not name.endswith('libtorch_python.so')
    if name.endswith('/') or '..' in parts or not (wanted or parts[0:2] == [information, 'licenses']): continue
    place = os.path.join(target, *(parts[1:]))
    os.makedirs(os.path.dirname(place), exist_ok=True)
    digest, size = hashlib.sha256(), 0
    try:
        with archive.open(entry) as source, open(place, 'wb') as out:
            for piece in iter(lambda: source.read(1 << 20), b''):
                digest.update(piece)
                size += len(piece)
                out.write(piece)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error: damaged(error)
    if record.get(name) != 'sha256=' + base64.urlsafe_b64encode(digest.digest()).decode().rstrip('='):
        damaged(name + ' does not have the hash that the wheel lists')
    written = time.mktime(entry.date_time + (0, 0, -1))  # so that unpacking again makes nothing be compiled again
    os.utime(place, (written, written))
    if parts[1] == 'lib' and '.so' in parts[-1]: marker.append('%s %d %s' % (digest.hexdigest(), size, '/'.join(parts[1:])))
if os.path.exists(os.path.join(target, 'lib', 'libtorch_cuda.so')):
    sys.exit('setup: %s is a CUDA build, whose CMake files want the CUDA toolkit; wanted the CPU wheel' % wheel)
with open(os.path.join(target, 'unpacked.txt'), 'w') as file: file.write('\n'.join(marker) + '\n')
END
}

torch_library() {
  local verify=$1 wheel
  if [ -n "${TOUCHSTONE_LIBTORCH:-}" ]; then
    local header=$TOUCHSTONE_LIBTORCH/include/torch/headeronly/version.h
    [ -f "$header" ] || header=$TOUCHSTONE_LIBTORCH/include/torch/csrc/api/include/torch/version.h
    [ -f "$header" ] && [ -f "$TOUCHSTONE_LIBTORCH/share/cmake/Torch/TorchConfig.cmake" ] ||
      fail "TOUCHSTONE_LIBTORCH is $TOUCHSTONE_LIBTORCH, which is no LibTorch (a folder with include, lib and share)"
    local found
    found=$(awk '$2 == "TORCH_VERSION_MAJOR" {major = $3} $2 == "TORCH_VERSION_MINOR" {print major "." $3}' "$header")
    at_least "$found" 2.6 || fail "TOUCHSTONE_LIBTORCH is LibTorch $found, wanted 2.6 or newer"
    say "LibTorch: $found of $TOUCHSTONE_LIBTORCH, as TOUCHSTONE_LIBTORCH says"
    return
  fi
  if torch_is_there "$verify"; then
    say "LibTorch: $torch_version is in $torch_root"
    return
  fi
  mkdir -p .deps
  exec 9>.deps/.lock
  flock 9
  if torch_is_there no; then return; fi  # another run of this script was faster
  work=$(mktemp -d .deps/unpacking.XXXXXX)
  trap 'rm -rf "$work"' EXIT  # `work` is no local: the trap runs when the functions are gone
  wheel=${TOUCHSTONE_TORCH_WHEEL:-}
  if [ -z "$wheel" ]; then
    mkdir "$work/wheel"
    fetch_wheel "$work/wheel"
    wheel=$(ls "$work"/wheel/torch-*.whl)
  fi
  [ -f "$wheel" ] || fail "TOUCHSTONE_TORCH_WHEEL is $wheel, and no such file is there"
  say "unpacking $(basename "$wheel") into $torch_root (510 MB)"
  unpack_wheel "$wheel" "$work/libtorch" || exit 2
  chmod 755 "$work"
  if [ -e "$torch_root" ]; then mv -T "$torch_root" "$work/before"; fi
  mv -T "$work/libtorch" "$torch_root"
  say "LibTorch: $torch_version is in $torch_root"
}

developer=no
verify=no
for argument in "$@"; do
  case $argument in
    --dev) developer=yes ;;
    --verify) verify=yes ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && fail "unknown argument $argument" ;;
  esac
done
system_packages "$developer"
torch_library "$verify"
# Under sudo, files made here belong to the person, not to root.
if [ -d .deps ] && [ -n "${SUDO_UID:-}" ] && [ "$(id -u)" -eq 0 ]; then chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" .deps; fi
say "ready"
