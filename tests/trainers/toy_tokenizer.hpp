#pragma once
// A tokenizer of a handful of pieces, whose ids can be read by eye.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/model/tokenizer.hpp"

namespace touchstone::testing {

using Ids = std::vector<std::int64_t>;

/// Greedy longest match over a handful of pieces; everything else is a token a byte, 100 + byte. "<s>" and "<end>" are
/// control tokens.
class ToyTokenizer : public Tokenizer {
 public:
  std::map<std::string, std::int64_t> pieces = {{" 2", 1}, {"An", 2}, {"swer", 3}, {"Answer", 4}};
  std::map<std::string, std::int64_t> controls = {{"<s>", 10}, {"<end>", 11}, {"<user>", 12}};
  bool adds_bos = false;
  bool strips_first_space = false;
  std::optional<std::int64_t> end = 11;

  Encoding encode_pieces(std::string_view text, const EncodeSettings& settings = {}) const override {
    Encoding all;
    const auto add = [&](std::int64_t id, std::size_t first, std::size_t last) {
      all.ids.push_back(id);
      all.pieces.push_back({first, last});
    };
    if (adds_bos && settings.add_special_tokens) add(10, 0, 0);
    for (std::size_t at = 0; at < text.size();) {
      std::size_t length = 1;
      std::int64_t id = 100 + static_cast<unsigned char>(text[at]);
      const auto look = [&](const auto& table) {
        for (const auto& [piece, number] : table) {
          if (piece.size() > length && text.substr(at).starts_with(piece)) {
            length = piece.size();
            id = number;
          }
        }
      };
      look(pieces);
      if (settings.parse_special_tokens) look(controls);
      add(id, at, at + length);
      at += length;
    }
    return all;
  }
  Ids encode(std::string_view text, const EncodeSettings& settings = {}) const override {
    return encode_pieces(text, settings).ids;
  }
  /// With `strips_first_space`, as decoders of marked spaces do.
  std::string decode(std::span<const std::int64_t> ids, bool skip_special_tokens) const override {
    std::string text;
    for (const auto id : ids) {
      if (!skip_special_tokens || id < 10 || id > 12) text += token(id);
    }
    return strips_first_space && text.starts_with(' ') ? text.substr(1) : text;
  }
  std::int64_t size() const override { return 400; }
  std::optional<std::int64_t> id_of(std::string_view) const override { return std::nullopt; }
  std::string token(std::int64_t id) const override {
    for (const auto* table : {&pieces, &controls}) {
      for (const auto& [piece, number] : *table) {
        if (number == id) return piece;
      }
    }
    return std::string(1, static_cast<char>(id - 100));
  }
  std::optional<std::int64_t> bos() const override { return 10; }
  std::optional<std::int64_t> eos() const override { return end; }
  std::string chat_template() const override { return ""; }
  std::optional<std::int64_t> model_max_length() const override { return std::nullopt; }
  const std::string& hash() const override { return hash_; }

 private:
  std::string hash_ = "toy";
};

}  // namespace touchstone::testing
