#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/one_line.hpp"
#include "harness/base/text.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/data_set.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_line_bytes = std::size_t{16} << 20;

[[noreturn]] void wrong(const std::string& where, const std::string& found, const std::string& expected) {
  throw Error(Fault::data, where + ": " + found + ", expected " + expected);
}

/// For a row in none of the layouts that are read.
[[noreturn]] void wrong_layout(const std::string& where, const std::string& found) {
  wrong(where, found,
        "{\"prompt\", \"completion\"} or {\"prompt\", \"chosen\", \"rejected\"}, each a text or a list of messages, "
        "{\"messages\": [{\"role\", \"content\"}]} with the assistant last, {\"conversations\": [{\"from\", "
        "\"value\"}]}, "
        "{\"instruction\", \"input\", \"output\"}, {\"text\"}, or {\"input_ids\"}");
}

/// How rows are read.
struct ReadSettings {
  fs::path folder;                ///< of their media
  std::set<std::string> ignored;  ///< members that a user knows of
  bool chat = false;              ///< a chat template writes them
};

/// The media of a row, which lie in the file's folder, on their way into its prompt.
class RowMedia {
 public:
  RowMedia(const Json& row, const ReadSettings& settings, const std::string& where)
      : folder_(settings.folder), where_(where) {
    for (const auto kind : media_kinds) {
      const std::string column = facts_of(kind).column;
      const auto list = row.find(column);
      if (list == row.end() || settings.ignored.count(column) != 0) continue;
      if (!list->is_array()) wrong(where, "key '" + column + "': found " + shown_json(*list), "a list");
      for (const auto& entry : *list) of(kind).all.push_back(read(kind, entry));
    }
  }

  Part take(MediaKind kind) {
    auto& queue = of(kind);
    if (queue.next == queue.all.size()) {
      wrong(where_,
            "found more places for " + std::string(facts_of(kind).plural) + " in the row's texts than entries of '" +
                facts_of(kind).column + "'",
            "as many");
    }
    return std::move(queue.all[queue.next++]);
  }
  /// A text whose placeholders become media, those of the kinds that the row has.
  std::vector<Part> parts(std::string_view text) {
    std::vector<Part> all;
    while (const auto place = first_place(text)) {
      if (place->at > 0) all.emplace_back(std::string(text.substr(0, place->at)));
      all.push_back(take(place->kind));
      text.remove_prefix(place->at + std::string_view(facts_of(place->kind).placeholder).size());
    }
    if (!text.empty() || all.empty()) all.emplace_back(std::string(text));
    return all;
  }
  /// A prompt's one text; what it has no place for stands before it.
  std::vector<Part> prompt(const std::string& text) {
    std::vector<Part> all;
    for (const auto kind : media_kinds) {
      if (text.find(facts_of(kind).placeholder) != std::string::npos) continue;
      while (of(kind).next < of(kind).all.size()) all.push_back(take(kind));
    }
    for (auto& part : parts(text)) all.push_back(std::move(part));
    return all;
  }
  /// Throws when the prompt had no place for some.
  void check_used() {
    for (const auto kind : media_kinds) {
      if (of(kind).next == of(kind).all.size()) continue;
      wrong(
          where_,
          "found more entries of '" + std::string(facts_of(kind).column) + "' than places for them in the row's texts",
          "as many");
    }
  }

 private:
  struct Queue {
    std::vector<Media> all;
    std::size_t next = 0;
  };
  struct Place {
    std::size_t at = 0;
    MediaKind kind{};
  };

  Queue& of(MediaKind kind) { return queues_[static_cast<std::size_t>(kind)]; }

  std::optional<Place> first_place(std::string_view text) {
    std::optional<Place> first;
    for (const auto kind : media_kinds) {
      if (of(kind).all.empty()) continue;
      const auto at = text.find(facts_of(kind).placeholder);
      if (at != std::string_view::npos && (!first || at < first->at)) first = Place{.at = at, .kind = kind};
    }
    return first;
  }

  Media read(MediaKind kind, const Json& entry) const {
    const auto& facts = facts_of(kind);
    const auto key = std::string("key '") + facts.column + "': ";
    const auto place = [&](const Json& name) {
      require(name.is_string(), Fault::data,
              [&] { return key + "found " + shown_json(name) + ", expected the path of a file"; });
      const auto path = name.get<std::string>();
      const auto inner = fs::path(path).lexically_normal();
      require(!inner.empty() && !inner.is_absolute() && *inner.begin() != "..", Fault::data, [&] {
        return key + "found '" + one_line(path) + "', expected a path within the folder of the rows' file";
      });
      return folder_ / inner;
    };
    std::optional<Media> media;
    try {
      media = facts.read(entry, place);
    } catch (const Error& error) {
      throw Error(error.fault(), where_ + ": " + error.what());
    }
    if (!media) wrong(where_, key + "found " + shown_json(entry), std::string("a list of ") + facts.entries);
    return std::move(*media);
  }

  fs::path folder_;
  std::string where_;
  std::array<Queue, std::variant_size_v<Media>> queues_;
};

std::string text_at(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string())
    wrong(where, "key '" + std::string(key) + "': found " + (found == object.end() ? "none" : shown_json(*found)),
          "a text");
  return found->get<std::string>();
}

Role role_of(const std::string& name, const std::string& where) {
  for (const auto role : {Role::system, Role::user, Role::assistant, Role::tool}) {
    if (name == role_name(role)) return role;
  }
  wrong(where, "found the role '" + one_line(name) + "'", "system, user, assistant or tool");
}

/// ShareGPT's words for who speaks.
Role speaker_of(const std::string& name, const std::string& where) {
  static const std::map<std::string, Role> words = {
      {"human", Role::user},        {"user", Role::user},     {"gpt", Role::assistant}, {"assistant", Role::assistant},
      {"chatgpt", Role::assistant}, {"system", Role::system}, {"tool", Role::tool},     {"observation", Role::tool}};
  const auto found = words.find(name);
  if (found == words.end())
    wrong(where, "found the speaker '" + one_line(name) + "'",
          "human, user, gpt, chatgpt, assistant, system, tool or observation");
  return found->second;
}

/// A message's text, or its list of {"type": "text", "text"} and {"type": "image"}, whatever types media have.
std::vector<Part> content_of(const Json& content, RowMedia& media, const std::string& where) {
  if (content.is_string()) return media.parts(content.get<std::string>());
  if (!content.is_array()) wrong(where, "key 'content': found " + shown_json(content), "a text or a list of parts");
  std::vector<Part> parts;
  for (const auto& part : content) {
    if (!part.is_object())
      wrong(where, "found " + shown_json(part) + " as a part of a message", "an object with a type");
    const auto type = text_at(part, "type", where);
    if (type == "text") {
      parts.emplace_back(text_at(part, "text", where));
      continue;
    }
    const auto kind =
        std::find_if(media_kinds.begin(), media_kinds.end(), [&](MediaKind one) { return type == facts_of(one).type; });
    if (kind == media_kinds.end()) {
      std::vector<std::string> types = {"text"};
      for (const auto one : media_kinds) types.emplace_back(facts_of(one).type);
      wrong(where, "found a part of type '" + one_line(type) + "'", "one of " + join(types, ", "));
    }
    parts.push_back(media.take(*kind));
  }
  return parts;
}

/// A message with all that it holds: what is neither role nor content is for a chat template to write.
Turn read_message(const Json& message, RowMedia& media, const std::string& where, const ReadSettings& settings) {
  if (!message.is_object()) wrong(where, "found " + shown_json(message) + " as a message", "an object");
  Turn turn{.role = role_of(text_at(message, "role", where), where), .parts = {}, .delimiter = "\n"};
  Json members = Json::object();
  for (const auto& member : message.items()) {
    if (member.key() == "role" || settings.ignored.count(member.key()) != 0) continue;
    // A turn that calls a tool says nothing.
    if (member.key() == "content" && !member.value().is_null()) {
      turn.parts = content_of(member.value(), media, where);
    } else if (member.key() == "content" || !member.value().is_null()) {
      members[member.key()] = member.value();
    }
  }
  if (turn.parts.empty() && !members.contains("tool_calls"))
    wrong(where, "found a message without text under 'content'", "one, or 'tool_calls'");
  if (!members.empty()) turn.members = members.dump();
  return turn;
}

Dialog read_messages(const Json& messages, RowMedia& media, const std::string& where, const ReadSettings& settings) {
  if (!messages.is_array() || messages.empty())
    wrong(where, "found " + shown_json(messages) + " as a conversation", "a list of messages");
  Dialog dialog;
  for (const auto& message : messages) dialog.push_back(read_message(message, media, where, settings));
  return dialog;
}

/// Takes the assistant's turn off the end of a dialog, as an answer.
Answer take_answer(Dialog& dialog, const std::string& where) {
  if (dialog.empty() || dialog.back().role != Role::assistant) {
    wrong(where, "found a conversation whose last message is not the assistant's", "the answer to train on at its end");
  }
  for (const auto& part : dialog.back().parts) {
    const auto* media = std::get_if<Media>(&part);
    if (media != nullptr)
      wrong(where, "found " + std::string(facts_of(kind_of(*media)).name) + " in the answer", "text alone");
  }
  Answer answer;
  answer.text = text_of(dialog.back());
  answer.members = dialog.back().members;
  dialog.pop_back();
  return answer;
}

/// {"conversations": [{"from", "value"}]} as messages; one of {"role", "content"} holds messages already.
Json shared_messages(const Json& row, const std::string& where, const ReadSettings& settings) {
  const auto& turns = row.at("conversations");
  if (!turns.is_array() || turns.empty())
    wrong(where, "key 'conversations': found " + shown_json(turns), "a list of messages");
  Json messages = Json::array();
  if (row.contains("system")) messages.push_back({{"role", "system"}, {"content", text_at(row, "system", where)}});
  for (const auto& turn : turns) {
    if (turn.is_object() && turn.contains("role")) {
      messages.push_back(turn);
      continue;
    }
    if (!turn.is_object()) wrong(where, "found " + shown_json(turn) + " as a message", "an object");
    const auto role = speaker_of(text_at(turn, "from", where), where);
    Json message = {{"role", role_name(role)}, {"content", text_at(turn, "value", where)}};
    for (const auto& member : turn.items()) {
      if (member.key() == "from" || member.key() == "value" || settings.ignored.count(member.key()) != 0) continue;
      wrong(where, "found the key '" + one_line(member.key()) + "' in a message",
            "from and value (the option 'ignore' leaves others out)");
    }
    messages.push_back(std::move(message));
  }
  return messages;
}

void read_tokens(const Json& row, const std::string& where, Answer& answer) {
  if (!row.at("input_ids").is_array())
    wrong(where, "key 'input_ids': found " + shown_json(row.at("input_ids")), "a list of token ids");
  const auto whole = [](const Json& value) { return value.is_number_integer() && value >= 0; };
  for (const auto& id : row.at("input_ids")) {
    if (!whole(id)) wrong(where, "key 'input_ids': found " + shown_json(id), "whole numbers of at least 0");
    answer.tokens.push_back(id.get<std::int64_t>());
  }
  if (answer.tokens.empty()) wrong(where, "key 'input_ids': found []", "at least one token id");
  if (!row.contains("prompt_tokens")) return;
  if (!whole(row["prompt_tokens"]))
    wrong(where, "key 'prompt_tokens': found " + shown_json(row["prompt_tokens"]), "a whole number of at least 0");
  answer.prompt_tokens = row["prompt_tokens"].get<std::int64_t>();
}

/// The prompt as one turn.
Turn prompt_turn(const std::string& text, RowMedia& media) {
  return {.role = Role::user, .parts = media.prompt(text), .delimiter = ""};
}

/// Where the last answer begins in two whole dialogues of "\n\nHuman:" and "\n\nAssistant:" turns. Only that answer may
/// differ.
std::size_t last_answer(const std::string& chosen, const std::string& rejected, const std::string& where) {
  constexpr std::string_view turn = "\n\nAssistant:";
  const auto alike = std::mismatch(chosen.begin(), chosen.end(), rejected.begin(), rejected.end()).first;
  const auto at = chosen.substr(0, static_cast<std::size_t>(alike - chosen.begin())).rfind(turn);
  if (at == std::string::npos)
    wrong(where, "found neither 'prompt' nor a \"\\n\\nAssistant:\" at which both answers begin", "one of the two");
  return at + turn.size();
}

bool same_text(const Dialog& a, const Dialog& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Turn& one, const Turn& other) {
    return one.role == other.role && text_of(one) == text_of(other) && one.members == other.members;
  });
}

/// What stands before an answer: a text, or messages.
Dialog read_prompt(const Json& prompt, RowMedia& media, const std::string& where, const ReadSettings& settings) {
  if (prompt.is_array()) return read_messages(prompt, media, where, settings);
  if (!prompt.is_string()) wrong(where, "key 'prompt': found " + shown_json(prompt), "a text or a list of messages");
  return {prompt_turn(prompt.get<std::string>(), media)};
}

/// One answer of messages, behind the row's prompt or with all that stands before it.
Answer read_reply(const Json& row, const char* key, RowMedia& media, const std::string& where,
                  const ReadSettings& settings, Dialog& prompt) {
  auto dialog = read_messages(row.at(key), media, where, settings);
  auto answer = take_answer(dialog, where);
  if (prompt.empty()) {
    prompt = std::move(dialog);
  } else if (!dialog.empty() && !same_text(dialog, prompt)) {
    wrong(where, std::string("'") + key + "' begins with other messages than 'prompt'",
          "the same messages before the answer");
  }
  return answer;
}

void read_preference(const Json& row, RowMedia& media, const std::string& where, const ReadSettings& settings,
                     Record& record) {
  record.answers.resize(2);
  if (row.at("chosen").is_array()) {
    if (!row.contains("rejected") || !row["rejected"].is_array())
      wrong(where, "found a text or nothing under 'rejected'", "messages, as under 'chosen'");
    if (row.contains("prompt")) record.prompt = read_prompt(row["prompt"], media, where, settings);
    record.answers[0] = read_reply(row, "chosen", media, where, settings, record.prompt);
    record.answers[1] = read_reply(row, "rejected", media, where, settings, record.prompt);
    if (record.prompt.empty())
      wrong(where, "found answers without a prompt", "'prompt', or messages before the answer");
  } else {
    auto chosen = text_at(row, "chosen", where);
    auto rejected = text_at(row, "rejected", where);
    if (row.contains("prompt")) {
      record.prompt = read_prompt(row["prompt"], media, where, settings);
    } else {
      const auto at = last_answer(chosen, rejected, where);
      record.prompt = {prompt_turn(chosen.substr(0, at), media)};
      chosen.erase(0, at);
      rejected.erase(0, at);
    }
    record.answers[0].text = std::move(chosen);
    record.answers[1].text = std::move(rejected);
  }
  record.answers[0].reward = 1.0;
  record.answers[1].reward = -1.0;
}

/// Without a chat template the words that Stanford Alpaca was trained with (tatsu-lab/stanford_alpaca, train.py).
void read_instruction(const Json& row, RowMedia& media, const std::string& where, const ReadSettings& settings,
                      Record& record) {
  const auto instruction = text_at(row, "instruction", where);
  const auto input = row.contains("input") ? text_at(row, "input", where) : std::string();
  if (settings.chat) {
    if (row.contains("system")) {
      record.prompt.push_back({.role = Role::system, .parts = {text_at(row, "system", where)}, .delimiter = "\n"});
    }
    record.prompt.push_back(prompt_turn(input.empty() ? instruction : instruction + "\n\n" + input, media));
  } else {
    if (row.contains("system"))
      wrong(where, "found 'system', which only a chat template can place", "--chat, or no such key");
    const std::string task = "Below is an instruction that describes a task";
    const std::string end = " Write a response that appropriately completes the request.\n\n### Instruction:\n";
    const auto text = input.empty() ? task + "." + end + instruction + "\n\n### Response:"
                                    : task + ", paired with an input that provides further context." + end +
                                          instruction + "\n\n### Input:\n" + input + "\n\n### Response:";
    record.prompt = {prompt_turn(text, media)};
  }
  record.answers.front().text = text_at(row, "output", where);
}

/// Refuses members that rows of this kind do not have.
void check_members(const Json& row, const std::vector<std::string>& known, const std::string& where,
                   const ReadSettings& settings) {
  for (const auto& member : row.items()) {
    const auto& key = member.key();
    if (key == "id" || settings.ignored.count(key) != 0) continue;
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    wrong(where, "found the unknown key '" + one_line(key) + "'",
          join(known, ", ") + " or id (the option 'ignore' leaves others out)");
  }
}

/// Reads the tools of a row: a JSON list, or a text that holds one.
std::string read_tools(const Json& row, const std::string& where) {
  const auto found = row.find("tools");
  if (found == row.end() || found->is_null()) return {};
  const auto tools = found->is_string() ? parse_json(found->get<std::string>(), where + ": tools") : *found;
  if (!tools.is_array()) wrong(where, "key 'tools': found " + shown_json(tools), "a list");
  return tools.empty() ? std::string() : tools.dump();
}

Record read_row(const Json& row, const std::string& where, const ReadSettings& settings) {
  if (!row.is_object()) wrong_layout(where, "found " + shown_json(row));
  Record record;
  record.id = where;
  record.task = "import";
  record.answers.emplace_back();
  RowMedia media(row, settings, where);
  const auto has = [&](const char* key) { return row.contains(key) && settings.ignored.count(key) == 0; };
  const auto members = [&](std::vector<std::string> known) {
    if (known.front() != "text") {
      for (const auto kind : media_kinds) known.emplace_back(facts_of(kind).column);
    }
    check_members(row, known, where, settings);
  };
  if (has("input_ids")) {
    members({"input_ids", "prompt_tokens", "label"});
    read_tokens(row, where, record.answers.front());
  } else if (has("messages")) {
    members({"messages", "tools", "label"});
    record.prompt = read_messages(row["messages"], media, where, settings);
    record.answers = {take_answer(record.prompt, where)};
  } else if (has("conversations")) {
    members({"conversations", "system", "tools", "label"});
    record.prompt = read_messages(shared_messages(row, where, settings), media, where, settings);
    record.answers = {take_answer(record.prompt, where)};
  } else if (has("chosen")) {
    members({"prompt", "chosen", "rejected", "tools"});
    read_preference(row, media, where, settings, record);
  } else if (has("instruction")) {
    members({"instruction", "input", "output", "system", "label"});
    read_instruction(row, media, where, settings, record);
  } else if (has("text")) {
    members({"text"});
    if (settings.chat)
      wrong(where, "found 'text', which a chat template cannot write", "no --chat where plain text is trained");
    record.answers.front().text = text_at(row, "text", where);
  } else {
    if (!has("prompt")) wrong_layout(where, "found " + shown_json(row));
    members({"prompt", "completion", "tools", "label"});
    record.prompt = read_prompt(row["prompt"], media, where, settings);
    if (has("completion") && row["completion"].is_array()) {
      record.answers = {read_reply(row, "completion", media, where, settings, record.prompt)};
    } else {
      record.answers.front().text = text_at(row, "completion", where);
    }
  }
  record.tools = read_tools(row, where);
  media.check_used();
  if (row.contains("label") && settings.ignored.count("label") == 0) {
    if (!row["label"].is_boolean()) wrong(where, "key 'label': found " + shown_json(row["label"]), "true or false");
    record.answers.front().reward = row["label"].get<bool>() ? 1.0 : -1.0;
  }
  return record;
}

std::vector<Record> read_rows(const fs::path& file, const ReadSettings& settings) {
  std::vector<Record> records;
  const auto name = file.filename().string();
  std::size_t number = 0;
  for (const auto& line : split(read_text_file(file), '\n')) {
    ++number;
    if (strip(line).empty()) continue;
    const auto where = name + ": line " + std::to_string(number);
    const auto row = parse_json(line, file.string(), {.bytes = longest_line_bytes, .first_line = number});
    records.push_back(read_row(row, where, settings));
  }
  require(!records.empty(), Fault::data, [&] { return file.string() + ": found no row, expected at least one"; });
  return records;
}

/// What a row's answers and prompt hold besides texts.
std::set<std::string> members_of(const Record& record) {
  std::set<std::string> names;
  const auto add = [&](const std::string& members) {
    if (members.empty()) return;
    const auto parsed = Json::parse(members);  // items() points into it
    for (const auto& member : parsed.items()) names.insert(member.key());
  };
  for (const auto& turn : record.prompt) add(turn.members);
  for (const auto& answer : record.answers) add(answer.members);
  names.erase("content");
  return names;
}

void drop_member(std::string& members, const std::string& name) {
  if (members.empty()) return;
  auto left = Json::parse(members);
  left.erase(name);
  members = left.dump();
}

/// A conversation with its answers, each written by the template.
std::string written(const ChatTemplate& chat, const Record& record) {
  std::string text;
  for (const auto& answer : record.answers) {
    auto dialog = record.prompt;
    Turn turn{.role = Role::assistant, .parts = {}, .delimiter = {}, .members = answer.members};
    if (!answer.text.empty() || answer.members.empty()) turn.parts.emplace_back(answer.text);
    dialog.push_back(std::move(turn));
    text += chat.render(dialog, /*add_generation_prompt=*/false, record.tools);
  }
  return text;
}

/// Refuses by name any member of a row that the chat template does not write, since nothing would train or show it.
/// Ids that only link a tool's result to its call need not be written.
void check_written(const Record& record, const ChatTemplate* chat) {
  const auto refuse = [&](const std::string& name, const std::string& why) {
    throw Error(Fault::data, record.id + ": key '" + name + "' " + why + " (the option 'ignore' leaves it out)");
  };
  const auto names = members_of(record);
  if (chat == nullptr) {
    if (!record.tools.empty()) refuse("tools", "needs a chat template that writes it, expected --chat");
    if (!names.empty()) refuse(*names.begin(), "needs a chat template that writes it, expected --chat");
    return;
  }
  if (names.empty() && record.tools.empty()) return;
  const auto whole = written(*chat, record);
  if (!record.tools.empty()) {
    auto without = record;
    without.tools.clear();
    if (written(*chat, without) == whole) refuse("tools", "is not written by the chat template");
  }
  for (const auto& name : names) {
    if (name == "tool_call_id" || name == "name") continue;
    auto without = record;
    for (auto& turn : without.prompt) drop_member(turn.members, name);
    for (auto& answer : without.answers) drop_member(answer.members, name);
    if (written(*chat, without) == whole) refuse(name, "is not written by the chat template");
  }
}

void run_import(const fs::path& file, const std::string& name, const std::vector<std::string>& ignored,
                Session& session) {
  const ReadSettings settings{
      .folder = file.parent_path(), .ignored = {ignored.begin(), ignored.end()}, .chat = session.chat != nullptr};
  auto records = read_rows(file, settings);
  for (const auto& record : records) check_written(record, session.chat);
  const bool dialogs = std::any_of(records.begin(), records.end(), [](const Record& record) {
    return std::any_of(record.prompt.begin(), record.prompt.end(),
                       [](const Turn& turn) { return turn.delimiter == "\n"; });
  });
  const bool has_template = session.tokenizer != nullptr && !session.tokenizer->chat_template().empty();
  if (dialogs && has_template && session.chat == nullptr && session.hooks->log != nullptr) {
    session.hooks->log->warn(file.string() +
                             ": messages are trained as plain lines, though the checkpoint has a chat " +
                             "template: --chat writes them with it");
  }
  session.values["rows"] = static_cast<double>(records.size());
  session.data[name] = std::move(records);
}

Stage make_import_rows(Options& options, const TrainerBook&) {
  std::string media;
  for (const auto kind : media_kinds)
    media += std::string("; ") + facts_of(kind).column + ": " + facts_of(kind).entries;
  const fs::path file =
      options.text("file",
                   "JSON lines, gzipped if it ends in .gz, each told by its keys: prompt and completion, or prompt, "
                   "chosen and rejected (texts or messages); messages, with tools; conversations (ShareGPT); "
                   "instruction, input and output (Alpaca); text; or input_ids with prompt_tokens. label (true, false) "
                   "judges an answer" +
                       media + ", all beside the file. Other members are refused");
  const auto name = options.text("as", "name of the data set that this makes", {.fallback = "data"});
  const auto ignored =
      options.texts("ignore", "members of rows and messages that are left out", std::vector<std::string>{});
  Stage stage;
  stage.gives.push_back(needs_data(name));
  stage.check = [file](const TrainJob&) {
    require(fs::is_regular_file(file), Fault::data, [&] { return file.string() + ": there is no such file"; });
  };
  stage.run = [file, name, ignored](Session& session) { run_import(file, name, ignored, session); };
  return stage;
}

}  // namespace

namespace plugins {
void import_rows(TrainerBook& book) {
  book.stages.add("import_rows", {.summary = "training rows from a file of your own", .make = make_import_rows});
}
}  // namespace plugins
}  // namespace touchstone
