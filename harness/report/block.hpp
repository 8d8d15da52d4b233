#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace touchstone {

/// The look of a piece of text. A format leaves out looks that it cannot show.
enum class Look : std::uint8_t {
  plain,
  strong,
  small,  ///< beside or below a number: its interval, its unit
  emphasis,
  gain,  ///< in the colour of an improvement
  loss,
  code,
  mono,      ///< as wide as code, without its frame
  unseen,    ///< for screen readers only
  together,  ///< not broken between lines
};

/// A piece of plain text, from any source: no markup. Every writer escapes it in its own way.
struct Piece {
  std::string text;
  Look look = Look::plain;
  std::string title{};  ///< the full text, where `text` is shortened
  std::string link{};   ///< the name of a section: "matrix"
};

/// A text in pieces.
struct RichText {
  std::vector<Piece> pieces;
  RichText() = default;
  RichText(std::string text) { pieces.push_back({std::move(text)}); }  // NOLINT(google-explicit-constructor)
  RichText(const char* text) : RichText(std::string(text)) {}          // NOLINT(google-explicit-constructor)
  RichText(Piece piece) { pieces.push_back(std::move(piece)); }        // NOLINT(google-explicit-constructor)
  RichText& operator+=(const RichText& more) {
    pieces.insert(pieces.end(), more.pieces.begin(), more.pieces.end());
    return *this;
  }
  friend RichText operator+(RichText one, const RichText& two) { return one += two; }
};

/// One cell of a table.
struct Cell {
  RichText text;
  std::string classes{};  ///< of the page's style sheet
  std::optional<double>
      value{};  ///< the number behind the text, at full precision: columns are sorted by it, and CSV shows it
  bool header = false;
  int columns = 1;
};

using TableRow = std::vector<Cell>;

/// A group of rows, under a heading of its own when that is not empty.
struct RowGroup {
  std::string heading;
  std::vector<TableRow> rows{};
};

/// The only kind of table in reports: page, Markdown, CSV and JSON are written from it.
struct ReportTable {
  std::string caption;
  std::string classes{};
  std::vector<TableRow> head{};
  std::vector<RowGroup> groups{};
  bool sortable = true;  ///< a script makes the page's columns sortable, inside each group
};

/// A part of a longer text.
struct Excerpt {
  std::string text;
  std::size_t left_out_before = 0;  ///< bytes
  std::size_t left_out_after = 0;
};

/// A model's answer to one item.
struct FlipAnswer {
  bool correct = false;
  Excerpt response;       ///< the generated text; the chosen choice's text for multiple choice
  std::string extracted;  ///< the answer that was read out of it, if that differs
  std::string detail;     ///< the judge's line for a reader: "timeout"
  std::optional<double> confidence;
};

/// One item whose verdict changed in training, with the texts that show why.
struct Flip {
  std::string example_id;
  Excerpt prompt;  ///< the end of the prompt, with the question
  Excerpt target;
  FlipAnswer before;
  FlipAnswer after;
};

/// The words of a verdict on a method. One seed says nothing of a method: it may be the seed's doing.
enum class Finding : std::uint8_t { better, worse, trade, inconclusive, one_seed };
inline constexpr std::size_t findings = 5;

struct Heading {
  std::string text;
};
struct Paragraph {
  RichText text;
  bool note = false;  ///< explains how to read the block above
};
struct Alert {
  std::vector<RichText> lines;
};
struct Lines {
  std::vector<RichText> all;
};
/// Names and their values.
struct Facts {
  std::vector<std::pair<std::string, std::string>> rows;
};
/// Counts that a reader should see at a glance.
struct Tiles {
  struct Tile {
    std::int64_t value = 0;
    std::string label;
  };
  std::vector<Tile> all;
};
/// A drawing, and a description of it in words. Numbers that only a drawing shows are also in a table beside it.
struct Figure {
  std::string heading;
  std::string svg;  ///< markup, made with reports/chart.hpp
  std::string finding;
};
struct Figures {
  std::string classes;  ///< "small", "large", or none
  std::vector<Figure> all;
};
/// A preformatted text.
struct Verbatim {
  std::string text;
};
/// The effect of a method, in a few sentences.
struct Card {
  std::string title;
  Finding finding = Finding::inconclusive;
  std::vector<RichText> lines;
};
struct Cards {
  std::vector<Card> all;
};
/// An item that flipped, with its number; numbers run through the page.
struct FlippedItem {
  Flip flip;
  std::size_t number = 0;
};
/// A block for pages only: the legend of the colours.
struct PageOnly {
  std::string html;  ///< markup without any text from outside
};

struct Block;
/// A block that can be unfolded.
struct Fold {
  RichText summary;
  std::vector<Block> body;
  std::string classes{};
  bool open = false;
};
/// The items that the page's keyboard shortcuts step through.
struct Items {
  std::vector<Block> body;
};

/// One block of a section.
struct Block {
  using What = std::variant<Heading, Paragraph, Alert, Lines, Facts, Tiles, ReportTable, Figures, Verbatim, Cards,
                            FlippedItem, PageOnly, Fold, Items>;
  What what;
  template <class Thing>
  requires(!std::is_same_v<Thing, Block>)
      Block(Thing thing)  // NOLINT(google-explicit-constructor): a section lists what it says
      : what(std::in_place_type<Thing>, std::move(thing)) {}
};

using Blocks = std::vector<Block>;

}  // namespace touchstone
