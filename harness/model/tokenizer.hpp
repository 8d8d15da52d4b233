#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/data/special_tokens.hpp"

namespace touchstone {

/// Token ids of one text, and where in the text each token's bytes lie.
struct Encoding {
  std::vector<std::int64_t> ids;
  /// Byte range [first, last) of the ORIGINAL text for each id; empty range for tokens that the post-processor added.
  struct Piece {
    std::size_t first = 0;
    std::size_t last = 0;
  };
  std::vector<Piece> pieces;
};

struct EncodeSettings {
  bool add_special_tokens = true;    ///< run the post-processor (BOS and its like)
  bool parse_special_tokens = true;  ///< "<|im_end|>" in the text becomes that control token; false: ordinary text
};

/// Text to tokens and back. Safe to use from several threads at once.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  virtual std::vector<std::int64_t> encode(std::string_view text, const EncodeSettings& settings = {}) const = 0;
  /// As encode, with the byte range of each token (training spans need it).
  virtual Encoding encode_pieces(std::string_view text, const EncodeSettings& settings = {}) const = 0;
  virtual std::string decode(std::span<const std::int64_t> ids, bool skip_special_tokens) const = 0;
  virtual std::int64_t size() const = 0;  ///< largest id + 1, added tokens included
  virtual std::optional<std::int64_t> id_of(std::string_view token) const = 0;
  virtual std::string token(std::int64_t id) const = 0;  ///< as the vocabulary writes it; empty for a hole
  virtual std::optional<std::int64_t> bos() const = 0;   ///< from tokenizer_config.json
  virtual std::optional<std::int64_t> eos() const = 0;
  virtual std::string chat_template() const = 0;  ///< source text; empty when the checkpoint has none
  virtual std::optional<std::int64_t> model_max_length() const = 0;  ///< absent also for the "infinite" sentinel
  virtual const std::string& hash() const = 0;                       ///< SHA-256 over the tokenizer's files
  /// The checkpoint's special tokens by name: "bos_token" -> "<s>", "pad_token" -> ...; chat templates see them.
  virtual SpecialTokens special_tokens() const { return {}; }
};

/// A byte-level tokenizer to be learnt from text.
struct BpeSettings {
  std::int64_t vocabulary = 1024;  ///< entries: the end of text (id 0), the 256 bytes, and merges
  std::string end_of_text = "<|endoftext|>";
  /// Merges stay within its matches. A line break is a token of its own, so that a prompt that ends in one is tokenised
  /// like the same text within a longer one; digits are single.
  std::string pattern = R"(\n|'(?:[sdmt]|ll|ve|re)| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|[^\S\n]+)";
};

}  // namespace touchstone
