#pragma once
// A hook that drops keys and values while a model reads and writes.
#include <cstdint>

#include "harness/model/model.hpp"

namespace touchstone {

/// One layer of one row of a cache, as a policy sees it.
struct CachedLayer {
  int layer = 0;
  Tensor positions;    ///< [KV, E] int64, rising: where the tokens of the entries stood
  Tensor keys{};       ///< [E, KV, d] float32, turned by their positions; undefined unless it reads them
  Tensor attention{};  ///< [H, E] float32: of the last token; undefined unless it reads it
};

/// Says which keys and values a sequence goes on with. It is asked at lengths of the sequence alone, and what it
/// answers must follow from that sequence alone, so that answers do not depend on what else is in the batch. One object
/// serves one worker, sequence after sequence.
class CachePolicy {
 public:
  virtual ~CachePolicy() = default;
  struct Reads {
    bool keys = false;
    bool attention = false;
  };
  virtual Reads reads() const { return {}; }
  /// The length, above `length`, at which a sequence is looked at next.
  virtual std::int64_t next(std::int64_t length) const = 0;
  /// Entries that each layer and head of a sequence of `length` tokens has, once it was looked at; `length` where
  /// nothing was dropped yet.
  virtual std::int64_t entries(std::int64_t length) const = 0;
  /// Which entries of this layer stay, [KV, entries(length)] int64, indices that rise.
  virtual Tensor kept(const CachedLayer& layer, std::int64_t length) = 0;
};

}  // namespace touchstone
