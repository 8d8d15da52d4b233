#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "harness/report/block.hpp"
#include "harness/report/section.hpp"

namespace touchstone::reports {

// Making what a section says.

/// A text from anywhere.
Cell text_cell(RichText text, std::string classes = {});
/// The head of a column or of a row.
Cell head_cell(RichText text, int columns = 1, std::string classes = {});
/// A number as it is shown, with its value. Aligned right.
Cell number_cell(double value, RichText shown, std::string classes = {});
/// What stands among numbers and is none: an interval, "–", nothing.
Cell among_numbers(RichText text);

Piece strong(std::string text);
Piece small(std::string text);
Piece gain(std::string text);
Piece loss(std::string text);

/// Our own words with marks in them: **strong**, `code`, [text](#section). Never for a text from outside.
RichText prose(std::string_view words);
/// The same as a note: how to read what stands above it.
Block note(std::string_view words);

/// The row of groups' names that a table needs no column for.
int width_of(const TableRow& row);

// Writing it.

std::string html_of(const RichText& text);
std::string html_of(const Blocks& blocks);

std::string markdown_of(const RichText& text);
/// Folds become <details>, which code hosts show as such.
std::string markdown_of(const Blocks& blocks);

/// Every table, one below the other with its caption before it, RFC 4180. Numbers are whole; texts that a spreadsheet
/// would run are defused.
std::string csv_of(const Blocks& blocks);

/// Everything but drawings; numbers are whole, what is none is null.
nlohmann::ordered_json json_of(const Blocks& blocks);

/// The pieces' texts, one after the other, as a program or a screen reader takes them.
std::string plain_of(const RichText& text);

/// Letters, digits and dashes of `text`, for an id. Different texts may give the same.
std::string slug(std::string_view text);

}  // namespace touchstone::reports
