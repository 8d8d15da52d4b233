#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "tasks/micro/common.hpp"

namespace touchstone::micro {

/// A kind of document of the pre-training text.
struct DocumentKind {
  const char* name;
  double share;  ///< share of the tokens, relative to the other kinds
  std::string (*document)(Draws&);
};

/// All kinds. To add one, add a line to the table of corpus.cpp.
std::span<const DocumentKind> document_kinds();

/// One document of the text.
struct Document {
  const DocumentKind* kind = nullptr;
  std::string text;
};

/// Document `index` of the endless text of a seed. It is a pure function of both, so any part can be
/// drawn alone and on several threads.
Document document(std::uint64_t seed, std::uint64_t index);

/// Roughly the number of tokens of a text in a vocabulary of some thousand entries: it counts words, digits, signs.
/// The kinds are balanced by it, without a tokenizer.
double estimated_tokens(std::string_view text);

}  // namespace touchstone::micro
