#pragma once
#include <filesystem>

#include "harness/model/checkpoint.hpp"

namespace touchstone {

/// Largest file of weights that is written; more is split into shards with an index.
inline constexpr std::uint64_t max_shard_bytes = 5'000'000'000;

/// Writes a checkpoint folder (see Checkpoints::write), all or nothing.
void write_checkpoint(const std::filesystem::path& target, Model& model, const std::filesystem::path& source,
                      at::ScalarType dtype, std::uint64_t shard_bytes = max_shard_bytes);

/// See Checkpoints::copy_companions.
void copy_companion_files(const std::filesystem::path& source, const std::filesystem::path& target);

}  // namespace touchstone
