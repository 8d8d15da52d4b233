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

/// How a piece of text looks. What a format cannot show it leaves out.
enum class Look : std::uint8_t {
  plain,
  strong,
  small,  ///< what stands beside or below a number: its interval, its unit
  emphasis,
  gain,  ///< in the colour of what got better
  loss,
  code,
  mono,      ///< as wide as code, without its frame
  unseen,    ///< read aloud only
  together,  ///< not broken between lines
};

/// A piece of text, from anywhere: no markup. Every writer escapes it in its own way.
struct Piece {
  std::string text;
  Look look = Look::plain;
  std::string title{};  ///< the whole of what `text` shortens
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
      value{};  ///< the number that the text shows, whole: what a column is sorted by, and what CSV says
  bool header = false;
  int columns = 1;
};

using TableRow = std::vector<Cell>;

/// Rows that belong together, under a heading of their own when it is not empty.
struct RowGroup {
  std::string heading;
  std::vector<TableRow> rows{};
};

/// The one table of all reports: a page, Markdown, CSV and JSON are written from it.
struct ReportTable {
  std::string caption;
  std::string classes{};
  std::vector<TableRow> head{};
  std::vector<RowGroup> groups{};
  bool sortable = true;  ///< scripts make the columns of a page sortable, inside each group
};

/// A part of a longer text.
struct Excerpt {
  std::string text;
  std::size_t left_out_before = 0;  ///< bytes
  std::size_t left_out_after = 0;
};

/// What a model answered to one item.
struct FlipAnswer {
  bool correct = false;
  Excerpt response;       ///< the generated text; the chosen choice's text for multiple choice
  std::string extracted;  ///< what was read out of it, when that is something else
  std::string detail;     ///< the judge's line for a reader: "timeout"
  std::optional<double> confidence;
};

/// One item whose verdict training changed, with what a reader needs to see why.
struct Flip {
  std::string example_id;
  Excerpt prompt;  ///< its end, where the question is
  Excerpt target;
  FlipAnswer before;
  FlipAnswer after;
};

/// The three words of a verdict.
enum class Finding : std::uint8_t { better, worse, inconclusive };

struct Heading {
  std::string text;
};
struct Paragraph {
  RichText text;
  bool note = false;  ///< how to read what stands above
};
struct Alert {
  std::vector<RichText> lines;
};
struct Lines {
  std::vector<RichText> all;
};
/// Names and what they stand for.
struct Facts {
  std::vector<std::pair<std::string, std::string>> rows;
};
/// Counts to be seen at a glance.
struct Tiles {
  struct Tile {
    std::int64_t value = 0;
    std::string label;
  };
  std::vector<Tile> all;
};
/// A drawing and what it shows in words. Numbers that only a drawing shows stand in a table beside it.
struct Figure {
  std::string heading;
  std::string svg;  ///< markup, of reports/chart.hpp
  std::string finding;
};
struct Figures {
  std::string classes;  ///< "small", "large", or none
  std::vector<Figure> all;
};
/// A text as it is.
struct Verbatim {
  std::string text;
};
/// What a method did, in a few sentences.
struct Card {
  std::string title;
  Finding finding = Finding::inconclusive;
  std::vector<RichText> lines;
};
struct Cards {
  std::vector<Card> all;
};
/// An item that flipped; numbers count through the page.
struct FlippedItem {
  Flip flip;
  std::size_t number = 0;
};
/// What a page alone has: the legend of its colours.
struct PageOnly {
  std::string html;  ///< markup without anything from outside
};

struct Block;
/// Something that opens.
struct Fold {
  RichText summary;
  std::vector<Block> body;
  std::string classes{};
  bool open = false;
};
/// The items that a page's keys step through.
struct Items {
  std::vector<Block> body;
};

/// One thing that a section says.
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
