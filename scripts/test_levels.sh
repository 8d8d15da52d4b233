#!/usr/bin/env bash
# Runs the tests that compute with tensors once for each processor level that this machine can imitate: LibTorch,
# oneDNN, MKL and our own kernels are told to use an older processor's code. Build first (scripts/test.sh). Arguments go
# to ctest. No tolerance may be fitted to one processor: every test passes on every level.
set -euo pipefail
cd "$(dirname "$0")/.."

has() { grep -qw "$1" /proc/cpuinfo; }
# level NAME KERNELS LIBTORCH ONEDNN MKL
level() {
  local name=$1 kernels=$2 torch=$3 dnn=$4 mkl=$5
  shift 5
  echo "level: $name"
  env TOUCHSTONE_KERNELS="$kernels" ATEN_CPU_CAPABILITY="$torch" ONEDNN_MAX_CPU_ISA="$dnn" MKL_ENABLE_INSTRUCTIONS="$mkl" \
    ctest --test-dir build -j2 --output-on-failure --no-tests=error -R '^(kernels|backends|trainers|procedures|adapters|cli)$' "$@"
}
count=0
if has avx2; then level AVX2 avx2 avx2 AVX2 AVX2 "$@"; count=$((count + 1)); fi
if has avx512f; then level AVX-512 avx512 avx512 AVX512_CORE AVX512 "$@"; count=$((count + 1)); fi
if has amx_bf16; then level AMX amx avx512 DEFAULT AVX512 "$@"; count=$((count + 1)); fi
[ "$count" -gt 0 ] || level baseline baseline default SSE41 SSE4_2 "$@"
echo "levels: every one passed"
