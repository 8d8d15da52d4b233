#include "backends/tokenizers/decoders.hpp"

#include <algorithm>

#include "backends/tokenizers/unicode.hpp"
#include "harness/base/text.hpp"

namespace touchstone::tokenizers {
namespace {

template <class Change>
class DecoderFunction : public Decoder {
 public:
  explicit DecoderFunction(Change change) : change_(std::move(change)) {}
  void decode(std::vector<std::string>& pieces) const override { change_(pieces); }

 private:
  Change change_;
};

template <class Change>
DecoderPtr decoder_of(Change change) {
  return std::make_unique<DecoderFunction<Change>>(std::move(change));
}

/// The value of a token <0xNN>, or -1. The digits are read as Rust's from_str_radix does: "+f" is 15.
int fallback_byte(const std::string& token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return -1;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  const int high = token[3] == '+' ? 0 : digit(token[3]);
  const int low = digit(token[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

void join_fallback_bytes(std::vector<std::string>& pieces) {
  std::vector<std::string> out;
  std::string bytes;
  const auto flush = [&] {
    if (bytes.empty()) return;
    if (is_utf8(bytes)) {
      out.push_back(bytes);
    } else {
      out.insert(out.end(), bytes.size(), "\xef\xbf\xbd");
    }
    bytes.clear();
  };
  for (auto& piece : pieces) {
    if (const int byte = fallback_byte(piece); byte >= 0) {
      bytes += static_cast<char>(byte);
    } else {
      flush();
      out.push_back(std::move(piece));
    }
  }
  flush();
  pieces = std::move(out);
}

std::string joined(const std::vector<std::string>& pieces) { return join(pieces, ""); }

std::string stripped(const std::string& piece, std::int32_t content, std::size_t start, std::size_t stop) {
  std::size_t first = 0;
  for (std::size_t cut = 0; cut < start && first < piece.size(); ++cut) {
    const auto point = known_code_point_at(piece, first);
    if (point.value != content) break;
    first += point.bytes;
  }
  std::size_t last = piece.size();
  for (std::size_t cut = 0; cut < stop && last > first; ++cut) {
    const auto before = previous_start(piece, last);
    if (known_code_point_at(piece, before).value != content) break;
    last = before;
  }
  return piece.substr(first, last - first);
}

}  // namespace

std::string clean_up_spaces(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> rules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& rule : rules) text = replace_all(std::move(text), rule.first, rule.second);
  return text;
}

DecoderPtr byte_level_decoder() {
  return decoder_of([](std::vector<std::string>& pieces) {
    std::string text;
    std::string bytes;
    for (const auto& piece : pieces) text += byte_alphabet().to_bytes(piece, bytes) ? bytes : piece;
    pieces = {to_utf8(text)};
  });
}

DecoderPtr byte_fallback_decoder() { return decoder_of(join_fallback_bytes); }

DecoderPtr fuse_decoder() {
  return decoder_of([](std::vector<std::string>& pieces) { pieces = {joined(pieces)}; });
}

DecoderPtr strip_decoder(std::int32_t content, std::size_t start, std::size_t stop) {
  return decoder_of([content, start, stop](std::vector<std::string>& pieces) {
    for (auto& piece : pieces) piece = stripped(piece, content, start, stop);
  });
}

DecoderPtr replace_decoder(Pattern pattern, std::string content) {
  const auto shared = std::make_shared<Pattern>(std::move(pattern));
  return decoder_of([shared, content](std::vector<std::string>& pieces) {
    for (auto& piece : pieces) {
      std::string changed;
      std::size_t done = 0;
      shared->each(piece, [&](Match match) {
        changed.append(piece, done, match.first - done).append(content);
        done = match.last;
      });
      if (done == 0 && changed.empty()) continue;
      piece = changed.append(piece, done);
    }
  });
}

DecoderPtr metaspace_decoder(std::int32_t replacement, bool drops_first) {
  const auto letter = utf8_of(replacement);
  return decoder_of([letter, drops_first](std::vector<std::string>& pieces) {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      pieces[i] = replace_all(std::move(pieces[i]), letter, i == 0 && drops_first ? "" : " ");
    }
  });
}

DecoderPtr word_piece_decoder(const std::string& prefix, bool cleanup) {
  return decoder_of([prefix, cleanup](std::vector<std::string>& pieces) {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      auto& piece = pieces[i];
      if (i > 0) piece = piece.starts_with(prefix) ? piece.substr(prefix.size()) : " " + piece;
      if (cleanup) piece = clean_up_spaces(std::move(piece));
    }
  });
}

DecoderPtr bpe_decoder(const std::string& suffix) {
  return decoder_of([suffix](std::vector<std::string>& pieces) {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      pieces[i] = replace_all(std::move(pieces[i]), suffix, i + 1 == pieces.size() ? "" : " ");
    }
  });
}

DecoderPtr ctc_decoder(const std::string& pad_token, const std::string& word_delimiter, bool cleanup) {
  return decoder_of([pad_token, word_delimiter, cleanup](std::vector<std::string>& pieces) {
    pieces.erase(std::unique(pieces.begin(), pieces.end()), pieces.end());
    std::vector<std::string> out;
    for (auto& piece : pieces) {
      auto text = replace_all(std::move(piece), pad_token, "");
      if (cleanup) text = replace_all(clean_up_spaces(std::move(text)), word_delimiter, " ");
      if (!text.empty()) out.push_back(std::move(text));
    }
    pieces = std::move(out);
  });
}

DecoderPtr decoder_sequence(std::vector<DecoderPtr> steps) {
  const auto shared = std::make_shared<std::vector<DecoderPtr>>(std::move(steps));
  return decoder_of([shared](std::vector<std::string>& pieces) {
    for (const auto& step : *shared) step->decode(pieces);
  });
}

}  // namespace touchstone::tokenizers
