#pragma once
#include <memory>

#include "harness/base/log.hpp"
#include "harness/model/checkpoint.hpp"
#include "harness/model/engine.hpp"
#include "harness/model/procedure.hpp"

namespace touchstone {

/// "auto", "cpu" or "cuda[:N]" as a device; auto takes the first CUDA device where there is one. Throws Fault::device
/// for a device that is absent, and for any other word.
at::Device find_device(const std::string& name);

/// "float32" or "bfloat16" as a dtype. Throws Fault::config for another.
at::ScalarType find_dtype(const std::string& name);

/// The tokens that end an answer: those of generation_config.json, else of config.json, and the tokenizer's own.
std::vector<std::int64_t> read_end_tokens(const std::filesystem::path& folder, const std::filesystem::path& base,
                                          const Tokenizer& tokenizer, std::int64_t vocabulary);

/// Where the tokenizer of a checkpoint lies: in its folder, or in its base's folder where an adapter has none.
std::filesystem::path tokenizer_folder(const std::filesystem::path& folder, const std::filesystem::path& base);

/// Opens a checkpoint folder for answering: model, tokenizer, chat template, end tokens, and the procedure of the book
/// that its procedure.json names, with the procedure's other models. Throws Fault::checkpoint for errors in the
/// folder, Fault::device and Fault::config for settings that cannot be met.
std::unique_ptr<Engine> open_engine(const EngineSettings& settings, const Checkpoints& checkpoints, Log& log,
                                    const ProcedureBook& procedures = no_procedures());

}  // namespace touchstone
