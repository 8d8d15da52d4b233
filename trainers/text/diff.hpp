#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace touchstone {

/// Elements [a_first, a_last) of one sequence are replaced by [b_first, b_last) of another.
struct Edit {
  std::size_t a_first = 0;
  std::size_t a_last = 0;
  std::size_t b_first = 0;
  std::size_t b_last = 0;
  bool equal = false;
};

/// How sequence a becomes b, as in Python's difflib: the longest run that both share (of equally long ones the earliest
/// in a, then in b), then the same on either side of it. Equal to
/// difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes().
std::vector<Edit> sequence_edits(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b);

/// Levenshtein distance: characters that must be inserted, removed or changed to make one text from the other. A byte
/// that is not UTF-8 counts as a character.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// 1 - distance / characters of the longer text; one for two empty texts.
double text_similarity(std::string_view a, std::string_view b);

/// Bytes [first, last) of a text.
struct ByteRange {
  std::size_t first = 0;
  std::size_t last = 0;
};

/// The parts of two texts that differ.
struct TextDiff {
  std::vector<ByteRange> a_lines, b_lines;            ///< lines, with their line breaks, that are not equal
  std::vector<ByteRange> a_characters, b_characters;  ///< within those: characters not aligned with an equal one
};

/// Compares lines by sequence_edits(). Lines that replace each other are paired, in order, such that the edits are
/// fewest. Within a pair, characters are aligned by their edit distance; a line without a partner differs as a
/// whole.
TextDiff diff_texts(std::string_view a, std::string_view b);

}  // namespace touchstone
