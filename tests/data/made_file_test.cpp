#include "harness/data/made_file.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/gzip.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

Answer answer(const std::string& text) {
  Answer made;
  made.text = text;
  return made;
}

Record parent_of(const std::string& id) {
  Record record;
  record.id = id;
  record.task = "sums";
  record.prompt = {{Role::user, {"what is " + id + "?", Image{1, 1, {1, 2, 3}}}, " "}};
  record.answers = {answer("the data's own")};
  return record;
}

/// Two rows of three answers, with everything that an answer can carry.
MadeFile example() {
  auto first = parent_of("a");
  auto written = answer("2\xff\x01");  // not UTF-8
  written.logp_nats = -0.1234567890123456789;
  written.reward = 1.0;
  written.spans = {{.first = 0, .last = 1, .weight = 2.5, .role = "key"}};
  written.ref_logp_nats = {-0.1F, -1e-7F, -std::numeric_limits<float>::infinity(), -12.3456785F};
  written.made_by = 3;
  written.note = R"({"alternatives":[]})";
  auto tokens = answer("");
  tokens.tokens = {1, 5, 7};
  tokens.prompt_tokens = 2;
  tokens.logp_nats = std::nan("");
  first.answers.push_back(written);
  first.answers.push_back(tokens);
  MadeFile made;
  made.stage = 3;
  made.name = "sample";
  made.key = R"({"stage":"sample","seed":5})";
  made.values = {{"rows", 2.0}, {"nothing", std::nan("")}};
  made.records = {first, parent_of("b")};
  made.origins[3] = R"({"stage":3,"name":"sample","model":"cafe","seed":5,"temperature":0.7})";
  return made;
}

std::vector<Record> source() { return {parent_of("b"), parent_of("a"), parent_of("c")}; }

TEST(MadeFile, GivesBackEveryBit) {
  const auto made = example();
  const auto again = made_from_text(made_text(made), "m", made.key, source());
  EXPECT_EQ(again.stage, 3);
  EXPECT_EQ(again.name, "sample");
  EXPECT_EQ(again.key, made.key);
  EXPECT_EQ(again.values.at("rows"), 2.0);
  EXPECT_TRUE(std::isnan(again.values.at("nothing")));
  EXPECT_EQ(again.origins, made.origins);
  const auto& records = again.records;
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].id, "b");
  EXPECT_EQ(std::get<Image>(std::get<Media>(records[0].prompt[0].parts[1])).rgb.size(), 3U);  // the parent's
  const auto& answers = records[0].answers;
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_EQ(answers[0].made_by, -1);
  const auto& before = made.records[0].answers[1];
  EXPECT_EQ(answers[1].text, before.text);
  EXPECT_EQ(answers[1].logp_nats, before.logp_nats);
  EXPECT_EQ(answers[1].ref_logp_nats, before.ref_logp_nats);
  EXPECT_EQ(answers[1].made_by, 3);
  ASSERT_EQ(answers[1].spans.size(), 1U);
  EXPECT_EQ(answers[1].spans[0].role, "key");
  EXPECT_EQ(answers[1].spans[0].weight, 2.5);
  EXPECT_EQ(answers[2].tokens, (std::vector<std::int64_t>{1, 5, 7}));
  EXPECT_EQ(answers[2].prompt_tokens, 2);
  EXPECT_TRUE(std::isnan(answers[2].logp_nats));
}

TEST(MadeFile, SaysForPeopleWhereARecordComesFrom) {
  const auto line = parse_json(split(made_text(example()), '\n')[1], "line");
  EXPECT_EQ(line["parent"], "a");
  EXPECT_EQ(line["prompt"], "what is a?<image> ");
  EXPECT_EQ(line["pictures"].size(), 1U);
  EXPECT_EQ(line["answers"][0]["origin"], "data");
  EXPECT_EQ(line["answers"][1]["origin"]["temperature"], 0.7);
  EXPECT_EQ(line["answers"][1]["origin"]["model"], "cafe");
  EXPECT_EQ(line["answers"][1]["reward"], 1.0);
  EXPECT_TRUE(line["answers"][1]["note"].is_object());
}

// Rows that differ in what is heard alone are two rows, and each finds its own again.
TEST(MadeFile, RecordingsAndFramesTellRowsApart) {
  auto made = example();
  const auto heard = [](float sample) {
    auto record = parent_of("d");
    record.prompt[0].parts = {"hear ", Audio{.rate_hz = 8000, .samples = {sample, 0}},
                              Frames{{.image = Image{1, 1, {1, 2, 3}}, .at_seconds = 0.5}}};
    return record;
  };
  made.records = {heard(0.5F), heard(0.25F)};
  const std::vector<Record> rows = {heard(0.25F), heard(0.5F)};
  const auto text = made_text(made);
  const auto again = made_from_text(text, "m", made.key, rows);
  ASSERT_EQ(again.records.size(), 2U);
  EXPECT_EQ(std::get<Audio>(std::get<Media>(again.records[0].prompt[0].parts[1])).samples[0], 0.5F);
  EXPECT_EQ(std::get<Audio>(std::get<Media>(again.records[1].prompt[0].parts[1])).samples[0], 0.25F);
  const auto line = parse_json(split(text, '\n')[1], "line");
  EXPECT_EQ(line["prompt"], "hear <audio><video> ");
  EXPECT_EQ(line["audios"][0]["what"], "audio of 0.00 s at 8000 Hz");
  EXPECT_EQ(line["videos"][0]["what"], "1 frames of 1 x 1 pixels from 0.50 to 0.50 s");
  EXPECT_NE(records_hash(std::vector{heard(0.5F)}, {}), records_hash(std::vector{heard(0.25F)}, {}));
  auto later = heard(0.5F);
  std::get<Frames>(std::get<Media>(later.prompt[0].parts[2]))[0].at_seconds = 0.75;
  EXPECT_NE(records_hash(std::vector{heard(0.5F)}, {}), records_hash(std::vector{later}, {}));
}

std::string refusal(const std::string& text, const std::vector<Record>& rows = source()) {
  try {
    made_from_text(text, "m.jsonl", example().key, rows);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::data);
    const std::string what = error.what();
    EXPECT_EQ(what.rfind("m.jsonl: ", 0), 0U) << what;
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
    return what;
  }
  ADD_FAILURE() << "was taken";
  return "";
}

/// A text with the right hash behind it.
std::string hashed(const std::string& body) { return body + Json{{"sha256", sha256(body)}}.dump() + "\n"; }

TEST(MadeFile, StandsWhateverHasTheRightHash) {
  const auto text = made_text(example());
  const auto body = text.substr(0, text.rfind('\n', text.size() - 2) + 1);
  int taken = 0;
  for (std::size_t at = 0; at < body.size(); ++at) {
    for (const char byte : {'9', '"', '[', '-', '\xff', '\n'}) {
      auto changed = body;
      changed[at] = byte;
      try {
        made_from_text(hashed(changed), "m", example().key, source());
        ++taken;
      } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::data);
      }
    }
  }
  EXPECT_GT(taken, 0);
}

TEST(MadeFile, RefusesWhatIsNotWhatWasWritten) {
  const auto text = made_text(example());
  for (std::size_t length = 0; length < text.size(); length += 7) refusal(text.substr(0, length));
  for (std::size_t at = 0; at < text.size(); at += 5) {
    auto changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    refusal(changed);
  }
  EXPECT_NE(refusal(text, {parent_of("a")}).find("its prompt is not in the data set"), std::string::npos);
  EXPECT_NE(refusal(hashed("{}\n")).find("is not a file of records"), std::string::npos);
}

TEST(MadeFile, OfAnotherFormatHasItsNumberForAKey) {
  const auto made = made_from_text(hashed("{\"format\":1}\n"), "m", example().key, source());
  EXPECT_EQ(made.key, "{\"format\":1}");
  EXPECT_TRUE(made.records.empty());
}

TEST(MadeFile, RefusesBytesThatAreNone) {
  for (const std::string bytes : {"32f", "3x", "+1", "32 1"}) {
    const auto found = made_text(example());
    auto lines = split(found, '\n');
    auto line = parse_json(lines[1], "line");
    line["answers"][1]["bytes"] = bytes;
    const auto body = lines[0] + '\n' + line.dump() + '\n' + lines[2] + '\n';
    EXPECT_NE(refusal(hashed(body)).find("expected an even number of hexadecimal digits"), std::string::npos);
  }
}

// A number of any size is JSON, and the library would cast it.
TEST(MadeFile, RefusesNumbersThatNoPlaceHas) {
  const auto lines = split(made_text(example()), '\n');
  for (const std::string number : {"2e44", "1.5", "-1", "4294967296", "\"1\""}) {
    auto head = parse_json(lines[0], "line");
    head["stage"] = parse_json(number, "number");
    EXPECT_NE(refusal(hashed(head.dump() + '\n')).find("expected a whole number from 0"), std::string::npos) << number;
    auto line = parse_json(lines[1], "line");
    line["answers"][1]["tokens"] = Json::array({parse_json(number, "number")});
    EXPECT_NE(refusal(hashed(lines[0] + '\n' + line.dump() + '\n')).find("expected a whole number from 0"),
              std::string::npos)
        << number;
  }
}

TEST(MadeFile, OfAnotherKeyGivesItsHeadAlone) {
  const auto found = made_from_text(made_text(example()), "m", "{}", {});
  EXPECT_EQ(found.key, example().key);
  EXPECT_EQ(found.values.at("rows"), 2.0);
  EXPECT_TRUE(found.records.empty());
}

TEST(MadeFile, FilesAreNamedCountedAndRemoved) {
  const testing::TemporaryFolder folder;
  const auto records = folder.path() / "x.records";
  std::filesystem::create_directory(records);
  const auto text = made_text(example());
  const auto file = record_file(example(), text);
  EXPECT_EQ(file.file, "3-sample.jsonl.gz");
  EXPECT_EQ(file.rows, 2);
  EXPECT_EQ(file.answers, 4);
  EXPECT_EQ(file.written, 1);
  EXPECT_EQ(file.bytes, static_cast<std::int64_t>(text.size()));
  EXPECT_EQ(file.sha256, sha256(text));
  for (const auto* name : {"10-judge.jsonl.gz", "3-sample.jsonl.gz", "mine.jsonl.gz"}) {
    write_file_atomically(records / name, "x");
  }
  remove_record_files(records, std::vector<RecordFile>{file});
  EXPECT_FALSE(std::filesystem::exists(records / "10-judge.jsonl.gz"));
  EXPECT_TRUE(std::filesystem::exists(records / "3-sample.jsonl.gz"));
  EXPECT_TRUE(std::filesystem::exists(records / "mine.jsonl.gz"));
  std::filesystem::remove(records / "mine.jsonl.gz");
  remove_record_files(records, {});
  EXPECT_FALSE(std::filesystem::exists(records));
  remove_record_files(records, {});  // nothing there: nothing to do
}

TEST(MadeFile, HashOfRecordsSeesWhatAStageReads) {
  const auto rows = source();
  const auto hash = records_hash(rows, {});
  const auto changed = [&](const auto& change) {
    auto other = rows;
    change(other[1]);
    return records_hash(other, {}) != hash;
  };
  EXPECT_EQ(records_hash(source(), {}), hash);
  EXPECT_TRUE(changed([](Record& record) { record.id = "d"; }));
  EXPECT_TRUE(changed([](Record& record) { record.answers[0].text += "!"; }));
  EXPECT_TRUE(changed([](Record& record) { record.answers[0].reward = 1.0; }));
  EXPECT_TRUE(changed([](Record& record) { record.prompt[0].delimiter = ""; }));
  EXPECT_TRUE(changed([](Record& record) { record.prompt[0].role = Role::system; }));
  EXPECT_TRUE(changed([](Record& record) { std::get<Image>(std::get<Media>(record.prompt[0].parts[1])).rgb[0] = 9; }));
  EXPECT_TRUE(changed([](Record& record) { record.answers[0].ref_logp_nats = {-1.0F}; }));
  EXPECT_TRUE(changed([](Record& record) { record.item = "i"; }));
  EXPECT_TRUE(changed([](Record& record) { record.prompt[0].parts.erase(record.prompt[0].parts.begin()); }));
  EXPECT_TRUE(changed([](Record& record) {
    Example example;
    example.targets = {"x"};
    record.example = std::make_shared<const Example>(example);
  }));
  auto written = rows;
  written[1].answers[0].made_by = 3;
  EXPECT_NE(records_hash(written, {{3, R"({"temperature":0.7})"}}),
            records_hash(written, {{3, R"({"temperature":0.8})"}}));
}

TEST(Gzip, GivesBackWhatReadsAsText) {
  const testing::TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 200000; ++i) text += std::to_string(i * 7919 % 10007);
  for (const auto& bytes : {std::string(), std::string("x"), text}) {
    const auto path = folder.path() / "f.gz";
    write_file_atomically(path, gzip(bytes));
    EXPECT_TRUE(read_text_file(path) == bytes);
  }
  EXPECT_EQ(gzip(text), gzip(text));
}

}  // namespace
}  // namespace touchstone
