#pragma once
#include <string>

#include "harness/model/checkpoint.hpp"
#include "harness/model/engine.hpp"
#include "harness/model/procedure.hpp"

namespace touchstone {

/// Answers one set of requests again and again with batches of 1, 7, 64 and 4096 tokens, in shuffled order, on one and
/// two threads, in float32 and bfloat16, and compares every answer with the first. Gives JSON text:
/// {"model", "requests", "results": [{"dtype", "kernels", "variant", "max_logp_difference", "different_texts"}],
/// "equal"}. `equal` is true when no difference exceeds what the kernels promise: not one bit; for "operators" 2e-5
/// nats per token in float32 (and equal texts), 0.2 in bfloat16.
std::string self_test_engine(const EngineSettings& settings, const Checkpoints& checkpoints,
                             const ProcedureBook& procedures = no_procedures());

}  // namespace touchstone
