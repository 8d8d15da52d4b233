#include <gtest/gtest.h>

#include "harness/data/prompt.hpp"
#include "harness/pictures/picture.hpp"
#include "tests/trainers/tiny.hpp"

namespace touchstone {
namespace {

class Import : public ::testing::Test {
 protected:
  std::vector<Record> read(const std::string& lines) {
    const auto file = folder_.path() / "rows.jsonl";
    testing::write_text(file, lines);
    const Json options = {{"use", "import_rows"}, {"file", file.string()}, {"as", "mine"}};
    const auto stage = make_use(Options(options, "test"), testing::trainer_book().stages, testing::trainer_book());
    Session session;
    session.chat = chat_;
    stage.run(session);
    return session.data.at("mine");
  }
  std::string error_of(const std::string& lines) {
    try {
      read(lines);
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::data);
      return error.what();
    }
    return "no error";
  }
  testing::TemporaryFolder folder_;
  const ChatTemplate* chat_ = nullptr;
};

TEST_F(Import, TheThreeForms) {
  const auto rows = read(R"({"prompt": "a ", "completion": "b"}

{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}, {"role": "assistant", "content": "v"}]}
{"input_ids": [3, 4, 5], "prompt_tokens": 1}
)");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(text_of(rows[0].prompt[0]), "a ");
  EXPECT_EQ(rows[0].answers[0].text, "b");
  EXPECT_EQ(rows[1].prompt.size(), 2U);
  EXPECT_EQ(rows[1].answers[0].text, "v");
  EXPECT_EQ(rows[2].answers[0].tokens, (std::vector<std::int64_t>{3, 4, 5}));
  EXPECT_EQ(rows[2].answers[0].prompt_tokens, 1);
}

TEST_F(Import, FormsThatPeopleHave) {
  const auto rows = read(R"({"text": "once upon"}
{"instruction": "Add.", "input": "1 and 2", "output": "3"}
{"instruction": "Add.", "input": "", "output": "3"}
{"conversations": [{"from": "human", "value": "u"}, {"from": "gpt", "value": "v"}], "system": "s", "id": "x7"}
{"prompt": [{"role": "user", "content": "u"}], "completion": [{"role": "assistant", "content": "v"}]}
{"prompt": [{"role": "user", "content": "u"}], "chosen": [{"role": "assistant", "content": "v"}], "rejected": [{"role": "assistant", "content": "w"}]}
{"chosen": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "v"}], "rejected": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "w"}]}
{"prompt": "u", "chosen": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "v"}], "rejected": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "w"}]}
)");
  ASSERT_EQ(rows.size(), 8U);
  EXPECT_TRUE(rows[0].prompt.empty());
  EXPECT_EQ(rows[0].answers[0].text, "once upon");
  EXPECT_EQ(
      plain_text(rows[1].prompt),
      "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
      "response that appropriately completes the request.\n\n### Instruction:\nAdd.\n\n### Input:\n1 and "
      "2\n\n### Response:");
  EXPECT_EQ(plain_text(rows[2].prompt),
            "Below is an instruction that describes a task. Write a response that appropriately completes the "
            "request.\n\n### Instruction:\nAdd.\n\n### Response:");
  EXPECT_EQ(rows[2].answers[0].text, "3");
  ASSERT_EQ(rows[3].prompt.size(), 2U);
  EXPECT_EQ(rows[3].prompt[0].role, Role::system);
  EXPECT_EQ(text_of(rows[3].prompt[1]), "u");
  EXPECT_EQ(rows[3].answers[0].text, "v");
  EXPECT_EQ(rows[4].prompt[0].role, Role::user);
  EXPECT_EQ(rows[4].answers[0].text, "v");
  for (std::size_t at = 5; at < 8; ++at) {
    ASSERT_EQ(rows[at].prompt.size(), 1U);
    EXPECT_EQ(text_of(rows[at].prompt[0]), "u");
    EXPECT_EQ(rows[at].answers[0].text, "v");
    EXPECT_EQ(rows[at].answers[1].text, "w");
    EXPECT_EQ(rows[at].answers[1].reward, -1.0);
  }
}

TEST_F(Import, UnknownMembersAreRefusedByName) {
  const auto names = [&](const std::string& row, const std::string& member) {
    const auto text = error_of(row);
    EXPECT_NE(text.find("'" + member + "'"), std::string::npos) << text;
    EXPECT_NE(text.find("rows.jsonl: line 1"), std::string::npos) << text;
  };
  names(R"({"prompt": "a", "completion": "b", "source": "web"})", "source");
  names(R"({"messages": [{"role": "assistant", "content": "v"}], "completion": "b"})", "completion");
  names(R"({"messages": [{"role": "user", "content": "u", "mood": "x"}, {"role": "assistant", "content": "v"}]})",
        "mood");
  names(R"({"messages": [{"role": "assistant", "content": "v"}], "tools": [{"name": "f"}]})", "tools");
  names(R"({"messages": [{"role": "assistant", "content": null, "tool_calls": [{"name": "f"}]}]})", "tool_calls");
  names(R"({"conversations": [{"from": "human", "value": "u", "loss": 0}, {"from": "gpt", "value": "v"}]})", "loss");
  names(
      R"({"prompt": "x", "chosen": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "v"}], "rejected": [{"role": "assistant", "content": "w"}]})",
      "chosen");
}

TEST_F(Import, CallsAndToolsAreWrittenOrRefused) {
  const std::string row =
      R"({"messages": [{"role": "user", "content": "u"}, {"role": "assistant", "content": null, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"x": 1}}}]}], "tools": [{"name": "f"}]})";
  const std::string calls =
      "{% for m in messages %}<{{ m.role }}>{% if m.content %}{{ m.content }}{% endif %}"
      "{% for c in m.tool_calls or [] %}<call>{{ c.function | tojson }}</call>{% endfor %}</s>{% endfor %}"
      "{% if add_generation_prompt %}<assistant>{% endif %}";
  const ChatTemplate whole("{{ tools | tojson if tools else '' }}" + calls, "whole", "<s>", "</s>");
  chat_ = &whole;
  const auto rows = read(row);
  EXPECT_EQ(rows[0].tools, R"([{"name":"f"}])");
  EXPECT_EQ(rows[0].answers[0].text, "");
  const ChatTemplate without_tools(calls, "calls", "<s>", "</s>");
  chat_ = &without_tools;
  EXPECT_NE(error_of(row).find("key 'tools' is not written by the chat template"), std::string::npos) << error_of(row);
  const ChatTemplate none("{% for m in messages %}<{{ m.role }}>{{ m.content or '' }}</s>{% endfor %}", "none", "<s>",
                          "</s>");
  chat_ = &none;
  EXPECT_NE(error_of(row).find("is not written by the chat template"), std::string::npos) << error_of(row);
  EXPECT_NE(error_of(R"({"text": "plain"})").find("'text'"), std::string::npos);
}

TEST_F(Import, Preferences) {
  const auto rows = read(R"({"prompt": "a ", "chosen": "b", "rejected": "c"}
{"chosen": "\n\nHuman: x\n\nAssistant: y\n\nHuman: z\n\nAssistant: good", "rejected": "\n\nHuman: x\n\nAssistant: y\n\nHuman: z\n\nAssistant: got"}
{"prompt": "a", "completion": "b", "label": false}
)");
  ASSERT_EQ(rows.size(), 3U);
  ASSERT_EQ(rows[0].answers.size(), 2U);
  EXPECT_EQ(rows[0].answers[0].text, "b");
  EXPECT_EQ(rows[0].answers[0].reward, 1.0);
  EXPECT_EQ(rows[0].answers[1].text, "c");
  EXPECT_EQ(rows[0].answers[1].reward, -1.0);
  EXPECT_EQ(text_of(rows[1].prompt[0]), "\n\nHuman: x\n\nAssistant: y\n\nHuman: z\n\nAssistant:");
  EXPECT_EQ(rows[1].answers[0].text, " good");
  EXPECT_EQ(rows[1].answers[1].text, " got");
  EXPECT_EQ(rows[2].answers[0].reward, -1.0);
}

/// A picture that tests/data compares with PIL.
const std::filesystem::path drawn = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "tests/golden/pictures/grey.png";

TEST_F(Import, PicturesStandWhereTheTextSaysSo) {
  std::filesystem::create_directories(folder_.path() / "pictures");
  std::filesystem::copy(drawn, folder_.path() / "pictures" / "a.png");
  const auto rows = read(R"({"prompt": "see <image>: what?", "completion": "b", "images": ["pictures/a.png"]}
{"prompt": "what?", "completion": "b", "images": ["pictures/a.png", "pictures/a.png"]}
{"messages": [{"role": "user", "content": [{"type": "text", "text": "u"}, {"type": "image"}]}, {"role": "assistant", "content": "v"}], "images": ["pictures/a.png"]}
{"messages": [{"role": "user", "content": "<image>u"}, {"role": "assistant", "content": [{"type": "text", "text": "v"}]}], "images": ["pictures/a.png"]}
{"prompt": "an <image> of words", "completion": "b"}
{"prompt": "see <image>?", "chosen": "b", "rejected": "c", "images": ["pictures/a.png"]}
{"chosen": "\n\nHuman: <image>\n\nAssistant: b", "rejected": "\n\nHuman: <image>\n\nAssistant: c", "images": ["pictures/a.png"]}
)");
  ASSERT_EQ(rows.size(), 7U);
  EXPECT_EQ(plain_text(rows[0].prompt), "see <image>: what?");
  ASSERT_EQ(rows[0].prompt[0].parts.size(), 3U);
  const auto& image = std::get<Image>(std::get<Media>(rows[0].prompt[0].parts[1]));
  EXPECT_EQ(image.rgb, read_picture(drawn).rgb);
  EXPECT_EQ(plain_text(rows[1].prompt), "<image><image>what?");
  EXPECT_EQ(plain_text(rows[2].prompt), "u<image>\n");
  EXPECT_EQ(plain_text(rows[3].prompt), "<image>u\n");
  EXPECT_EQ(rows[3].answers[0].text, "v");
  EXPECT_EQ(rows[4].prompt[0].parts.size(), 1U);  // a row without pictures keeps its words
  EXPECT_EQ(rows[5].prompt[0].parts.size(), 3U);
  EXPECT_EQ(rows[5].answers.size(), 2U);
  EXPECT_EQ(rows[6].prompt[0].parts.size(), 3U);
  EXPECT_EQ(rows[6].answers[1].text, " c");
}

TEST_F(Import, RecordingsAndFramesStandWhereTheTextSaysSo) {
  const auto golden = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "tests/golden";
  std::filesystem::copy(golden / "audio/pcm16.wav", folder_.path() / "a.wav");
  std::filesystem::copy(golden / "audio/pcm16.flac", folder_.path() / "b.flac");
  std::filesystem::copy(drawn, folder_.path() / "a.png");
  const auto rows = read(
      R"({"prompt": "<audio> then <image> and <audio>", "completion": "b", "images": ["a.png"], "audios": ["a.wav", "b.flac"]}
{"messages": [{"role": "user", "content": [{"type": "audio"}, {"type": "text", "text": "u"}, {"type": "video"}]}, {"role": "assistant", "content": "v"}], "audios": ["a.wav"], "videos": [{"frames": ["a.png", "a.png", "a.png"], "fps": 4}]}
{"prompt": "what?", "completion": "b", "audios": ["a.wav"], "images": ["a.png"]}
{"prompt": "an <audio> of words", "completion": "b"}
)");
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(plain_text(rows[0].prompt), "<audio> then <image> and <audio>");
  EXPECT_EQ(std::get<Audio>(std::get<Media>(rows[0].prompt[0].parts[0])).rate_hz, 8000);
  EXPECT_EQ(std::get<Audio>(std::get<Media>(rows[0].prompt[0].parts[4])).rate_hz, 16000);
  EXPECT_EQ(plain_text(rows[1].prompt), "<audio>u<video>\n");
  const auto& frames = std::get<Frames>(std::get<Media>(rows[1].prompt[0].parts[2]));
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[2].at_seconds, 0.5);  // the third at four a second
  EXPECT_EQ(frames[2].image.rgb, read_picture(drawn).rgb);
  EXPECT_EQ(plain_text(rows[2].prompt), "<image><audio>what?");
  EXPECT_EQ(rows[3].prompt[0].parts.size(), 1U);
}

TEST_F(Import, BadPicturesAreNamedWithTheirLine) {
  std::filesystem::copy(drawn, folder_.path() / "a.png");
  testing::write_text(folder_.path() / "words.png", "no picture at all");
  std::filesystem::copy(folder_.path() / "a.png", folder_.path() / "short.png");
  std::filesystem::resize_file(folder_.path() / "short.png", 50);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"("prompt": "<image>", "images": ["missing.png"])", "missing.png"},
      {R"("prompt": "<image>", "images": ["words.png"])", "words.png"},
      {R"("prompt": "<image>", "images": ["short.png"])", "short.png"},
      {R"("prompt": "<image>", "images": ["../a.png"])", "found '../a.png', expected a path within the folder"},
      {R"("prompt": "<image>", "images": ["/etc/a.png"])", "expected a path within the folder"},
      {R"("prompt": "<image>", "images": "a.png")", "key 'images': found \"a.png\", expected a list"},
      {R"("prompt": "<image>", "images": [7])", "key 'images': found 7, expected a list of paths"},
      {R"("prompt": "<image> <image>", "images": ["a.png"])", "more places"},
      {R"("prompt": "<image>", "images": ["a.png", "a.png"])", "more entries of 'images'"},
      {R"("input_ids": [1], "images": ["a.png"])", "more entries of 'images'"},
      {R"("prompt": "<audio>", "audios": ["missing.wav"])", "missing.wav"},
      {R"("prompt": "<audio>", "audios": ["words.png"])", "expected WAV or FLAC"},
      {R"("prompt": "<audio>", "audios": ["../a.wav"])",
       "key 'audios': found '../a.wav', expected a path within the folder"},
      {R"("prompt": "<audio>", "audios": "a.wav")", "key 'audios': found \"a.wav\", expected a list"},
      {R"("prompt": "<video>", "videos": ["a.mp4"])", "key 'videos': found \"a.mp4\", expected a list of {\"frames\""},
      {R"("prompt": "<video>", "videos": [{"frames": [], "fps": 2}])",
       "expected a list of {\"frames\": [paths of pictures]"},
      {R"("prompt": "<video>", "videos": [{"frames": ["a.png"], "fps": 0}])", "\"fps\": number}"},
      {R"("prompt": "<video>", "videos": [{"frames": ["words.png"], "fps": 2}])", "words.png"},
      {R"("prompt": "<video><video>", "videos": [{"frames": ["a.png"], "fps": 2}])", "more places for films"},
      {R"("messages": [{"role": "user", "content": [{"type": "sound"}]}])", "'sound'"},
      {R"("messages": [{"role": "user", "content": [{"type": "image"}]}])", "more places"},
      {R"("messages": [{"role": "assistant", "content": "<image>"}], "images": ["a.png"])", "in the answer"}};
  for (const auto& [row, expected] : cases) {
    try {
      const std::string completion = row.starts_with(R"("prompt")") ? "\"completion\": \"b\", " : "";
      read("{\"prompt\": \"a\", \"completion\": \"b\"}\n{" + completion + row + "}");
      ADD_FAILURE() << row;
    } catch (const Error& error) {
      const std::string text = error.what();
      EXPECT_EQ(error.fault(), Fault::data) << row;
      EXPECT_NE(text.find("rows.jsonl: line 2"), std::string::npos) << text;
      EXPECT_NE(text.find(expected), std::string::npos) << text;
      EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    }
  }
}

class WrongRow : public Import, public ::testing::WithParamInterface<const char*> {};

TEST_P(WrongRow, NamesItsLine) {
  try {
    read(std::string("{\"prompt\": \"a\", \"completion\": \"b\"}\n") + GetParam());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::data);
    EXPECT_NE(std::string(error.what()).find("rows.jsonl: line 2"), std::string::npos) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(Table, WrongRow,
                         ::testing::Values("[1]", "{", "{}", R"({"prompt": 3, "completion": "b"})",
                                           R"({"prompt": "a"})", R"({"messages": []})",
                                           R"({"messages": [{"role": "user", "content": "u"}]})",
                                           R"({"messages": [{"role": "me", "content": "u"}]})",
                                           R"({"messages": ["u"]})", R"({"input_ids": []})",
                                           R"({"input_ids": [1, -2]})", R"({"input_ids": ["x"]})",
                                           R"({"prompt": "a", "chosen": "b"})", R"({"chosen": "x", "rejected": "y"})",
                                           R"({"prompt": "a", "completion": "b", "label": 1})", R"({"input_ids": 7})",
                                           R"({"input_ids": [1], "prompt_tokens": -1})"));

TEST_F(Import, AFileWithoutRowsIsAnError) { EXPECT_THROW(read("\n\n"), Error); }

class ImportSquad : public ::testing::Test {
 protected:
  std::vector<Record> read(const std::string& text, bool context = true) {
    const auto file = folder_.path() / "squad.json";
    testing::write_text(file, text);
    const Json options = {{"use", "import_squad"}, {"file", file.string()}, {"as", "mine"}, {"context", context}};
    const auto stage = make_use(Options(options, "test"), testing::trainer_book().stages, testing::trainer_book());
    Session session;
    stage.run(session);
    return session.data.at("mine");
  }
  std::string error_of(const std::string& text) {
    try {
      read(text);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  testing::TemporaryFolder folder_;
};

TEST_F(ImportSquad, QuestionsInTheirOrder) {
  const std::string text = R"({"data": [{"paragraphs": [{"context": "It is red.", "qas": [
      {"id": "q1", "question": "What?", "answers": [{"text": "red", "answer_start": 6}, {"text": "It"}]},
      {"id": "q2", "question": "Why?", "answers": []}]}]}], "version": "1.1"})";
  const auto rows = read(text);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].id, "q1");
  EXPECT_EQ(text_of(rows[0].prompt[0]), "It is red.\n\nWhat?\n");
  EXPECT_EQ(rows[0].answers[0].text, "red");
  EXPECT_EQ(rows[1].answers[0].text, "");
  EXPECT_EQ(text_of(read(text, false)[1].prompt[0]), "Why?\n");
}

TEST_F(ImportSquad, OtherFilesAreRefused) {
  const std::string wanted =
      ", expected the layout of SQuAD: data[].paragraphs[].{context, qas[].{id, question, answers[].text}}";
  EXPECT_EQ(error_of("[1, 2]"), "squad.json: found no 'data'" + wanted);
  EXPECT_EQ(error_of(R"({"data": [{"paragraphs": [{"qas": []}]}]})"),
            "squad.json: a paragraph: found no 'context'" + wanted);
  EXPECT_EQ(error_of(R"({"data": [{"paragraphs": [{"context": "c", "qas": [{"id": "x", "answers": []}]}]}]})"),
            "squad.json: question 'x': found no 'question'" + wanted);
  EXPECT_EQ(
      error_of(
          R"({"data": [{"paragraphs": [{"context": "c", "qas": [{"id": "x", "question": "q", "answers": [{"text": 3}]}]}]}]})"),
      "squad.json: question 'x': found no 'text'" + wanted);
  EXPECT_EQ(error_of(R"({"data": []})"),
            (folder_.path() / "squad.json").string() + ": found no question, expected at least one");
}

}  // namespace
}  // namespace touchstone
