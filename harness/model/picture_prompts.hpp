#pragma once
// Pictures in prompts: how a family writes them as text, and the soft rows that stand for them among the tokens.
#include <map>
#include <string>
#include <vector>

#include "harness/data/picture_processor.hpp"
#include "harness/model/model.hpp"
#include "harness/model/prefix_tree.hpp"
#include "harness/model/token_pairs.hpp"

namespace touchstone {

/// What one checkpoint does with pictures.
struct PictureReader {
  PictureRules rules;
  std::string mark;              ///< what stands for one soft token in a text: "<image>"
  std::int64_t placeholder = 0;  ///< its token
  /// The text of one picture that was split into rows x columns tiles (0 x 0: one tile), `tokens` soft tokens a tile.
  std::function<std::string(int rows, int columns, std::int64_t tokens)> text;
};

/// The pictures of some requests, each looked at once. In token lists the soft row r is the number -1 - r, so that
/// prompts share a beginning exactly where text and pixels are equal.
class PictureBook {
 public:
  /// Looks at all pictures, on `threads` threads.
  PictureBook(Model& model, const PictureReader& reader, const std::vector<const Image*>& images, int threads,
              const CancelFlag* cancel);

  /// The context with each picture_placeholder replaced by what the family writes for its picture. Throws Fault::data
  /// when there are more or fewer of them than pictures.
  std::string expand(const std::string& context, const std::vector<Image>& images) const;

  /// Puts the pictures' rows where the placeholder token stands. `truncated`: tokens were dropped on the left.
  void place(TokenIds& tokens, const std::vector<Image>& images, bool truncated) const;

  const SoftRows& rows() const { return rows_; }

 private:
  struct Seen {
    int rows = 0;
    int columns = 0;
    int tiles = 0;
    Tensor soft;
    std::int64_t first = 0;  ///< its first row
  };
  const Seen& seen(const Image& image) const;

  const PictureReader* reader_;
  std::map<std::string, Seen> seen_;  ///< by picture_hash
  SoftRows rows_;
};

}  // namespace touchstone
