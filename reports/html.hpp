#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace touchstone::reports {

/// One cell of a table. `html` is markup already: build it with the functions below, which escape.
struct Cell {
  std::string html;
  std::string classes;
  std::optional<double> value;  ///< the number shown, with more digits: what a column is sorted by
  bool header = false;
  int columns = 1;
};

/// A text from anywhere.
Cell text_cell(std::string_view text, std::string classes = {});
/// The head of a column or of a row.
Cell head_cell(std::string_view text, int columns = 1, std::string classes = {});
/// A number as it is shown, with its value. Aligned right.
Cell number_cell(double value, std::string shown, std::string classes = {});
/// Markup.
Cell html_cell(std::string markup, std::string classes = {});

using Row = std::vector<Cell>;

/// Rows that belong together, under a heading of their own when it is not empty.
struct RowGroup {
  std::string heading;  ///< text, not markup
  std::vector<Row> rows;
};

struct Table {
  std::string caption;  ///< text, not markup
  std::string classes;
  std::vector<Row> head;
  std::vector<RowGroup> groups;
  bool sortable = true;  ///< scripts make the columns sortable, inside each group
};

/// The table in a frame of its own that scrolls sideways on narrow screens, reachable by keyboard.
std::string render(const Table& table);

/// <figure> with a heading above and its finding in words below; both are markup.
std::string figure(std::string_view heading, std::string_view svg, std::string_view finding);

/// <details>; `summary_html` and `body` are markup.
std::string details(std::string_view summary_html, std::string_view body, std::string_view classes = {});

/// <p class="note">
std::string note(std::string_view markup);

/// Letters, digits and dashes of `text`, for an id. Different texts may give the same.
std::string slug(std::string_view text);

}  // namespace touchstone::reports
