#include "harness/run/progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace touchstone {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

TEST(Progress, TimesAndSizesInWords) {
  EXPECT_EQ(duration_text(4.2), "4.2 s");
  EXPECT_EQ(duration_text(60), "1 min 00 s");
  EXPECT_EQ(duration_text(190), "3 min 10 s");
  EXPECT_EQ(duration_text(7499.6), "2 h 05 min");
  EXPECT_EQ(duration_text(1.0 / 0.0), "?");
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1340000), "1.3 MB");
  EXPECT_EQ(bytes_text(2.5e15), "2500.0 TB");
}

StepReport second_of_four() {
  StepReport report;
  report.stage_name = "train";
  report.step = 2;
  report.steps = 4;
  report.loss = 1.25;
  report.tokens = 100;
  report.seconds = 0.5;
  return report;
}

TEST(Progress, PlainLinesSayWhatBeginsAndHowItEnds) {
  std::ostringstream out;
  Progress progress(out, false);
  progress.plan("toy", 2);
  progress.begin(0, "base");
  progress.score(0, "gsm8k", {.metric = "m", .value = 0.5});
  progress.end(0, "measured");
  progress.begin(1, "sft");
  progress.step(1, second_of_four());
  progress.end(1, "failed: loss is nan");
  EXPECT_THAT(out.str(), MatchesRegex("base: begins\n"
                                      "\\[1/2\\] base: measured in 0.. s; gsm8k 0.500\n"
                                      "sft: begins\n"
                                      "\\[2/2\\] sft: failed: loss is nan in 0.. s\n"));
}

TEST(Progress, QuietIsQuietAndATerminalIsRedrawn) {
  std::ostringstream silent;
  {
    Progress progress(silent, false, true);
    progress.begin(0, "base");
    progress.end(0, "done");
    progress.line("a line");
  }
  EXPECT_EQ(silent.str(), "");
  std::ostringstream drawn;
  {
    Progress progress(drawn, true);
    progress.plan("toy", 4);
    progress.begin(0, "base");
    progress.begin(1, "sft");
    progress.step(1, second_of_four());
    progress.requests(0, 1, 2);
    progress.begin(2, "other");
    // A quarter of one job, half of its answering, and half of another's training: (0.25 + 0.25) of 4.
    EXPECT_THAT(drawn.str(), HasSubstr("[###---------------------] toy 0/4"));
    EXPECT_THAT(drawn.str(), HasSubstr("[######------] sft: train 2/4 loss 1.2500 200 tokens/s"));
    EXPECT_THAT(drawn.str(), HasSubstr("[######------] base: answering 1/2"));
    progress.end(2, "done");
  }
  // Every bar that was drawn is taken away in the end.
  EXPECT_THAT(drawn.str(), EndsWith("\x1b[1A\x1b[2K"));
  EXPECT_THAT(silent.str(), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace touchstone
