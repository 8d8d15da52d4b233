// Long texts in one call: time and memory grow with the length of the text, not with its square.
#include <gtest/gtest.h>

#include <iostream>

#include "backends/tokenizers/tokenizers.hpp"
#include "harness/base/files.hpp"
#include "harness/base/process.hpp"
#include "harness/model/tokenizer.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

/// Processor time of this thread: other programs on the machine do not count.
double seconds_now() { return thread_cpu_seconds(); }

double peak_megabytes() { return static_cast<double>(peak_resident_bytes()) / (1024.0 * 1024.0); }

std::string repeated(const std::string& text, std::size_t bytes) {
  std::string all;
  while (all.size() < bytes) all += text;
  all.resize(bytes);
  return all;
}

double seconds_of(const Tokenizer& tokenizer, const std::string& text) {
  const auto begin = seconds_now();
  const auto ids = tokenizer.encode(text, {.add_special_tokens = false});
  const auto seconds = seconds_now() - begin;
  EXPECT_LE(ids.size(), text.size() + 1);  // SentencePiece puts a space before the text
  return seconds;
}

/// TOUCHSTONE_LONG_MEGABYTES makes the long text longer: 100 takes a minute.
std::size_t long_megabytes() {
  const char* named = std::getenv("TOUCHSTONE_LONG_MEGABYTES");
  return named == nullptr ? 4 : static_cast<std::size_t>(std::atoi(named));
}

class Scale : public ::testing::TestWithParam<const char*> {
 protected:
  void expect_linear(const Tokenizer& tokenizer, const std::string& sample) {
    constexpr std::size_t megabyte = std::size_t{1} << 20;
    const auto times = long_megabytes();
    const auto brief = repeated(sample, megabyte);
    const auto whole = repeated(sample, times * megabyte);
    seconds_of(tokenizer, brief);  // fills caches
    const auto one = seconds_of(tokenizer, brief);
    const auto before = peak_megabytes();
    const auto all = seconds_of(tokenizer, whole);
    const auto memory = (peak_megabytes() - before) / static_cast<double>(times);
    std::cout << times << " MB: " << all << " s, " << all / one / static_cast<double>(times)
              << " times as long for each byte as 1 MB; " << memory << " bytes of memory for each byte of text\n";
    EXPECT_LT(all, 2.5 * one * static_cast<double>(times) + 0.2);
    EXPECT_LT(memory, 64.0);
  }
};

TEST_P(Scale, TimeAndMemoryAreLinear) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, std::string("data/") + GetParam());
  TOUCHSTONE_SHARED_OR_SKIP(text, "data/text_corpora/wikitext2.valid.raw.gz");
  const auto tokenizer = load_tokenizer(folder);
  expect_linear(*tokenizer, read_text_file(text));
  expect_linear(*tokenizer, "abcdefgh");  // one word without an end
  expect_linear(*tokenizer, " ");
}

INSTANTIATE_TEST_SUITE_P(Families, Scale,
                         ::testing::Values("tokenizers/qwen3", "tokenizers/neox_pythia", "model_stories260k/hf",
                                           "hf_fixtures/bert_f32"));

}  // namespace
}  // namespace touchstone
