#include "reports/blocks.hpp"

namespace touchstone::reports {
namespace {

/// Moves a leading "**strong**" or the like from `words` to `out`; false when `words` begins otherwise.
bool take_marked(std::string_view& words, RichText& out) {
  const auto between = [&](std::string_view open, std::string_view close) -> std::optional<std::string> {
    if (!words.starts_with(open)) return std::nullopt;
    const auto end = words.find(close, open.size());
    if (end == std::string_view::npos) return std::nullopt;
    std::string inner(words.substr(open.size(), end - open.size()));
    words.remove_prefix(end + close.size());
    return inner;
  };
  if (auto inner = between("**", "**")) {
    out += strong(std::move(*inner));
  } else if (auto code = between("`", "`")) {
    out += Piece{std::move(*code), Look::code};
  } else if (auto text = between("[", "](#")) {
    const auto end = words.find(')');
    out += Piece{.text = std::move(*text), .link = std::string(words.substr(0, end))};
    words.remove_prefix(std::min(words.size(), end + 1));
  } else {
    return false;
  }
  return true;
}

}  // namespace

Cell text_cell(RichText text, std::string classes) { return {.text = std::move(text), .classes = std::move(classes)}; }

Cell head_cell(RichText text, int columns, std::string classes) {
  return {.text = std::move(text), .classes = std::move(classes), .header = true, .columns = columns};
}

Cell number_cell(double value, RichText shown, const std::string& classes) {
  return {.text = std::move(shown), .classes = classes.empty() ? "n" : "n " + classes, .value = value};
}

Cell among_numbers(RichText text) { return text_cell(std::move(text), "n"); }

Piece strong(std::string text) { return {std::move(text), Look::strong}; }
Piece small(std::string text) { return {std::move(text), Look::small}; }
Piece gain(std::string text) { return {std::move(text), Look::gain}; }
Piece loss(std::string text) { return {std::move(text), Look::loss}; }

RichText prose(std::string_view words) {
  RichText out;
  std::string plain;
  const auto flush = [&] {
    if (!plain.empty()) out += RichText(std::move(plain));
    plain.clear();
  };
  while (!words.empty()) {
    RichText marked;
    if (take_marked(words, marked)) {
      flush();
      out += marked;
    } else {
      plain += words.front();
      words.remove_prefix(1);
    }
  }
  flush();
  return out;
}

Block note(std::string_view words) { return Paragraph{prose(words), true}; }

int width_of(const TableRow& row) {
  int width = 0;
  for (const auto& cell : row) width += cell.columns;
  return width;
}

std::string plain_of(const RichText& text) {
  std::string out;
  for (const auto& piece : text.pieces) {
    const bool apart = piece.look == Look::small || piece.look == Look::unseen;
    if (apart && !out.empty() && out.back() != ' ' && !piece.text.starts_with(' ')) out += ' ';
    out += piece.text;
  }
  return out;
}

std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (plain) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  return out;
}

}  // namespace touchstone::reports
