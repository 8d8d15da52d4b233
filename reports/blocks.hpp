#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "harness/report/block.hpp"
#include "harness/report/section.hpp"

namespace touchstone::reports {

// Functions that make the blocks of a section.

/// A cell with a text from any source.
Cell text_cell(RichText text, std::string classes = {});
/// The head of a column or of a row.
Cell head_cell(RichText text, int columns = 1, std::string classes = {});
/// A number as shown, with its value. Aligned right.
Cell number_cell(double value, RichText shown, const std::string& classes = {});
/// A cell among numbers that is not a number: an interval, "–", nothing.
Cell among_numbers(RichText text);

Piece strong(std::string text);
Piece small(std::string text);
Piece gain(std::string text);
Piece loss(std::string text);

/// Our own words with inline marks: **strong**, `code`, [text](#section). Never for a text from outside.
RichText prose(std::string_view words);
/// The same as a note, which explains the block above it.
Block note(std::string_view words);

/// The number of columns that a row covers.
int width_of(const TableRow& row);

// Functions that write blocks.

std::string html_of(const RichText& text);
std::string html_of(const Blocks& blocks);

std::string markdown_of(const RichText& text);
/// Folds become <details>, which code hosts show as such.
std::string markdown_of(const Blocks& blocks);

/// Every table, one below the other with its caption before it, RFC 4180. Numbers have full precision; texts that a
/// spreadsheet would run are defused.
std::string csv_of(const Blocks& blocks);

/// Everything but drawings. Numbers have full precision; values that are no numbers are null.
nlohmann::ordered_json json_of(const Blocks& blocks);

/// The pieces' texts, one after the other, as a program or a screen reader takes them.
std::string plain_of(const RichText& text);

/// Letters, digits and dashes of `text`, for an id. Different texts may give the same.
std::string slug(std::string_view text);

}  // namespace touchstone::reports
