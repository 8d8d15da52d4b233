#pragma once
// Pictures in prompts: how a family writes them as text, and the soft rows that replace them among the tokens.
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/engine/prefix_tree.hpp"
#include "harness/engine/token_pairs.hpp"
#include "harness/model/family.hpp"
#include "harness/model/tokenizer.hpp"
#include "harness/pictures/processor.hpp"

namespace touchstone {

/// How one checkpoint handles pictures, in evaluation as in training.
struct PictureReader {
  PictureRules rules;
  std::string mark;              ///< the text of one soft token: "<image>"
  std::int64_t placeholder = 0;  ///< its token
  /// The text of one picture that was split into rows x columns tiles (0 x 0: one tile), `tokens` soft tokens per tile.
  std::function<std::string(int rows, int columns, std::int64_t tokens)> text;
};

/// Whether the family takes pictures and the folder says, in preprocessor_config.json or processor_config.json, how
/// they are prepared.
bool takes_pictures(const Family& family, const std::filesystem::path& folder);

/// How the checkpoint folder of `family` handles pictures; none when the family takes none, or when the folder does not
/// say how to prepare them. Throws Fault::checkpoint for errors in it.
std::optional<PictureReader> read_picture_reader(const Family& family, const std::filesystem::path& folder,
                                                 const Tokenizer& tokenizer);

/// The context with each picture_placeholder replaced by the family's text for its picture, `tokens` soft tokens per
/// tile. Throws Fault::data when there are more or fewer placeholders than pictures.
std::string expand_pictures(const PictureReader& reader, const std::string& context,
                            std::span<const PictureGrid> pictures, std::int64_t tokens);

/// The normalised tiles of some pictures, [T, 3, S, S] float32, those of one picture after those of another.
Tensor picture_tiles(const PictureRules& rules, std::span<const Image* const> images);

/// The pictures of some requests, each encoded once. In token lists the soft row r is written as -1 - r, so that
/// prompts share a prefix exactly where text and pixels are equal.
class PictureBook {
 public:
  /// Encodes all pictures, on `threads` threads.
  PictureBook(Model& model, const PictureReader& reader, const std::vector<const Image*>& images, int threads,
              const CancelFlag* cancel);

  /// expand_pictures for pictures of this book.
  std::string expand(const std::string& context, std::span<const Image* const> images) const;

  /// Puts the pictures' rows in place of the placeholder token. `truncated`: tokens were dropped on the left.
  void place(TokenIds& tokens, std::span<const Image* const> images, bool truncated) const;

  const SoftRows& rows() const { return rows_; }

 private:
  struct Seen {
    int rows = 0;
    int columns = 0;
    std::int64_t tiles = 0;
    Tensor soft;
    std::int64_t first = 0;  ///< its first row
  };
  const Seen& seen(const Image& image) const;

  const PictureReader* reader_;
  std::map<std::string, Seen> seen_;  ///< by picture_hash
  SoftRows rows_;
};

}  // namespace touchstone
