#pragma once
// What a caller wants of a pass, as the passes read it.
#include <vector>

#include "harness/model/model.hpp"

namespace touchstone {

/// Where in `wanted` a layer stands; wanted.size() where it does not.
std::size_t place_of(const std::vector<int>& wanted, int layer);

/// Makes room for what is wanted of each layer.
void make_room(const Want& want, Outputs& outputs);

/// Where `kept`, which has a place for each layer of `wanted`, takes what is wanted of this one; null where nothing is.
template <class Kept>
Kept* slot_of(std::vector<Kept>& kept, const std::vector<int>& wanted, int layer) {
  const auto place = place_of(wanted, layer);
  return place < wanted.size() ? &kept[place] : nullptr;
}

/// Throws Fault::internal for layers that a pass of this depth does not run, or that are wanted twice.
void check_layers(const Want& want, int depth);

/// Of the last state only these rows are read, [M] int64; undefined: all, or not the same ones for everything.
Tensor rows_read(const Want& want, int depth);

/// Hands out the last state, after the final norm: of all tokens, or of rows_read() where that is defined.
void give_last(const Model& model, const Want& want, int depth, const Tensor& hidden, Outputs& outputs);

}  // namespace touchstone
