#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "tasks/micro/common.hpp"

namespace touchstone::micro {

/// The editions of the pre-training text.
enum class Edition : std::uint8_t {
  plain,      ///< what everything else is held against
  bilingual,  ///< the same, and a part of the facts in language B
  cold        ///< the same without a worked solution and without a function's body: answers alone
};
inline constexpr std::size_t editions = 3;

/// A kind of document of the pre-training text.
struct DocumentKind {
  const char* name;
  /// Share of the tokens in each edition, relative to the other kinds of that edition.
  std::array<double, editions> shares;
  std::string (*document)(Draws&);

  double share(Edition edition) const { return shares[static_cast<std::size_t>(edition)]; }
};

/// All kinds. To add one, add a line to the table of corpus.cpp.
std::span<const DocumentKind> document_kinds();

/// One document of the text.
struct Document {
  const DocumentKind* kind = nullptr;
  std::string text;
};

/// Document `index` of the endless text of a seed. It is a pure function of edition, seed and index, so any part can be
/// drawn alone and on several threads.
Document document(Edition edition, std::uint64_t seed, std::uint64_t index);

/// Roughly the number of tokens of a text in a vocabulary of some thousand entries: it counts words, digits, signs.
/// The kinds are balanced by it, without a tokenizer.
double estimated_tokens(std::string_view text);

}  // namespace touchstone::micro
