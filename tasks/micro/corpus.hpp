#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "tasks/micro/common.hpp"

namespace touchstone::micro {

/// A kind of document of the pre-training text.
struct DocumentKind {
  const char* name;
  double share;  ///< of the tokens, relative to those of the other kinds
  std::string (*document)(Draws&);
};

/// All kinds. A new one is a line in the table of corpus.cpp.
std::span<const DocumentKind> document_kinds();

/// One document of the text.
struct Document {
  const DocumentKind* kind = nullptr;
  std::string text;
};

/// Document `index` of the endless text that a seed stands for: a pure function of both, so any part of it can be
/// drawn alone and on several threads.
Document document(std::uint64_t seed, std::uint64_t index);

/// About how many tokens a text has in a vocabulary of some thousand entries: words, digits and signs are counted. It
/// balances the kinds by tokens without a tokenizer.
double estimated_tokens(std::string_view text);

}  // namespace touchstone::micro
