#pragma once
// The one place where the tensors of a decoder are named: reading, writing, parameters, adapters' places and copies
// follow from it.
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "backends/layers/block.hpp"
#include "harness/model/family.hpp"

namespace touchstone {

/// A linear map, called without ".weight", or a tensor with its whole name.
using WeightPart = std::variant<Linear*, Tensor*>;
using Visitor = std::function<void(const std::string& name, WeightPart part)>;

/// Every part of a block that is there, once; `prefix` ends in a dot.
void visit(Block& block, const BlockNames& names, const std::string& prefix, const Visitor& visitor);
/// Every part of a decoder, the blocks' among them. Of a tied head the weight counts as the embedding.
void visit(DecoderParts& parts, const Visitor& visitor);
/// What visit() gives but the blocks.
void visit_outside(DecoderParts& parts, const Visitor& visitor);

/// Every norm that a block can have, there or not.
std::vector<std::optional<Norm>*> norms_of(Block& block);

/// Reads a part from a checkpoint, in the shapes that it has (on the meta device, before). Throws Fault::checkpoint.
void read_part(const std::string& name, WeightPart part, const Weights& weights, const LoadSettings& settings);
/// The same of a whole decoder. A head that a file holds although it is tied, and that differs, is a head of its own,
/// as transformers has it.
void read_parts(DecoderParts& parts, const Weights& weights, const LoadSettings& settings);

/// All tensors by name, the linear maps' weights and biases among them.
std::map<std::string, Tensor*> named_tensors(DecoderParts& parts);
/// The linear maps of the blocks by module name.
std::map<std::string, Linear*> named_maps(DecoderParts& parts);
/// A deep copy that stands still: what the maps' deltas say becomes part of the weights.
DecoderParts copy_of(const DecoderParts& parts);

/// A tensor of this shape that is still to be read.
Tensor unread(at::IntArrayRef shape);
/// A linear map [out, in] that is still to be read.
Linear unread_map(std::int64_t out, std::int64_t in, bool bias = false);

}  // namespace touchstone
