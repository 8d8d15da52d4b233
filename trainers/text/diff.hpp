#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace touchstone {

/// Elements [a_first, a_last) of one sequence stand where [b_first, b_last) of another do.
struct Edit {
  std::size_t a_first = 0;
  std::size_t a_last = 0;
  std::size_t b_first = 0;
  std::size_t b_last = 0;
  bool equal = false;
};

/// How sequence a becomes b, as Python's difflib has it: the longest run that both share (the earliest in a, then in b,
/// of equally long ones), then the same on either side of it. Equal to
/// difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes().
std::vector<Edit> sequence_edits(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b);

/// Characters that must be put in, taken out or changed to make one text of the other (Levenshtein distance). A byte
/// that is not UTF-8 counts as a character.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// One less the distance as a share of the longer text's characters; one for two empty texts.
double text_similarity(std::string_view a, std::string_view b);

/// Bytes [first, last) of a text.
struct ByteRange {
  std::size_t first = 0;
  std::size_t last = 0;
};

/// What two texts have that the other has not.
struct TextDiff {
  std::vector<ByteRange> a_lines, b_lines;            ///< lines, with their line breaks, that are not equal
  std::vector<ByteRange> a_characters, b_characters;  ///< within those: what no pairing of characters explains
};

/// Lines by sequence_edits(). Of lines that stand for each other those are paired, in order, that take the fewest
/// edits; within a pair characters are aligned by their edit distance, and a line without partner is different
/// throughout.
TextDiff diff_texts(std::string_view a, std::string_view b);

}  // namespace touchstone
