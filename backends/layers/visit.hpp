#pragma once
// The one place where the tensors of a decoder are named. Reading, writing, parameters, targets of adapters and copies
// all use it.
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "backends/layers/block.hpp"
#include "harness/model/family.hpp"

namespace touchstone {

/// A linear map, named without ".weight", or a tensor with its full name.
using WeightPart = std::variant<Linear*, Tensor*>;
using Visitor = std::function<void(const std::string& name, WeightPart part)>;

/// Every part that a block has, once; `prefix` ends in a dot.
void visit(Block& block, const BlockNames& names, const std::string& prefix, const Visitor& visitor);
/// Every part of a decoder, including its blocks. The weight of a tied head counts as the embedding.
void visit(DecoderParts& parts, const Visitor& visitor);
/// The parts of visit() without the blocks.
void visit_outside(DecoderParts& parts, const Visitor& visitor);

/// Every norm that a block can have, set or not.
std::vector<std::optional<Norm>*> norms_of(Block& block);

/// Reads a part from a checkpoint, in the shapes of its meta tensors. Throws Fault::checkpoint.
void read_part(const std::string& name, WeightPart part, const Weights& weights, const LoadSettings& settings);
/// The same for a whole decoder. Where a tied head has its own, different tensor in the file, it becomes an untied
/// head, as in transformers.
void read_parts(DecoderParts& parts, const Weights& weights, const LoadSettings& settings);

/// All tensors by name, the linear maps' weights and biases among them.
std::map<std::string, Tensor*> named_tensors(DecoderParts& parts);
/// The linear maps of the blocks by module name.
std::map<std::string, Linear*> named_maps(DecoderParts& parts);
/// A deep copy without deltas: their changes become part of the weights.
DecoderParts copy_of(const DecoderParts& parts);

/// A tensor of this shape that is not read yet.
Tensor unread(at::IntArrayRef shape);
/// A linear map [out, in] that is not read yet.
Linear unread_map(std::int64_t out, std::int64_t in, bool bias = false);

}  // namespace touchstone
