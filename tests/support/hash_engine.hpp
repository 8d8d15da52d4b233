#pragma once
#include <functional>
#include <string>
#include <vector>

#include "harness/model/engine.hpp"

namespace touchstone::testing {

/// A model without weights. Its answers are functions of the request's text: log-likelihoods from 64-bit FNV-1a,
/// texts from `text(hash)`, cut at the stop strings and "</s>". The reference's expected values were made with it.
class HashEngine : public Engine {
 public:
  using Text = std::function<std::string(std::uint64_t hash)>;
  using Hash = std::function<std::uint64_t(std::string_view)>;
  /// A hash other than FNV-1a, for long prompts, where FNV-1a is slow on the reference's side.
  explicit HashEngine(Text text = {}, Hash hash = {});

  std::vector<Response> answer(std::span<const Request> requests, const std::function<void(std::size_t)>& done,
                               const CancelFlag* cancel) override;
  const EngineInfo& info() const override { return info_; }
  EngineCounts counts() const override { return {}; }
  const ChatTemplate* chat_template() const override { return nullptr; }

  /// All requests so far, in order.
  const std::vector<Request>& asked() const { return asked_; }
  /// How many requests each call of answer() had.
  const std::vector<std::size_t>& calls() const { return calls_; }

 private:
  Text text_;
  Hash hash_;
  EngineInfo info_;
  std::vector<Request> asked_;
  std::vector<std::size_t> calls_;
};

/// " Thinking n\nThe answer is n.\n#### n\n\nQuestion: extra" with n = (hash >> 16) mod 3.
std::string thinking_text(std::uint64_t hash);

/// SHA-256 over requests, joined by byte 0: the context, byte 1, then the continuation; for a generation its settings
/// as JSON with sorted keys as Python writes it, with only the keys named (until always).
std::string request_digest(const std::vector<Request>& requests, const std::vector<std::string>& settings = {});

}  // namespace touchstone::testing
