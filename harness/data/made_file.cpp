#include "harness/data/made_file.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/json_values.hpp"
#include "harness/base/text.hpp"
#include "harness/data/prompt.hpp"

namespace touchstone {
namespace fs = std::filesystem;
namespace {

/// The shortest number that reads back as the same float.
Json float_json(float value) {
  if (!std::isfinite(value)) return number_json(static_cast<double>(value));
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  double near = 0.0;
  std::from_chars(digits, end, near);
  return static_cast<float>(near) == value ? near : static_cast<double>(value);
}

Json answer_json(const Answer& answer, const std::map<int, std::string>& origins) {
  Json json = Json::object();
  put_text(json, answer.text);
  const auto origin = origins.find(answer.made_by);
  json["origin"] = origin == origins.end() ? Json("data") : Json::parse(origin->second);
  if (!answer.tokens.empty()) {
    json["tokens"] = answer.tokens;
    json["prompt_tokens"] = answer.prompt_tokens;
  }
  if (!answer.drawn.empty()) {
    json["drawn"] = answer.drawn;
    json["ended"] = answer.ended;
  }
  if (!answer.finished) json["finished"] = false;
  if (!answer.members.empty()) json["members"] = Json::parse(answer.members);
  json["logp_nats"] = number_json(answer.logp_nats);
  json["reward"] = number_json(answer.reward);
  if (answer.judged) json["judged"] = true;
  for (const auto& span : answer.spans) {
    json["spans"].push_back(
        {{"first", span.first}, {"last", span.last}, {"weight", number_json(span.weight)}, {"role", span.role}});
  }
  for (const auto logp : answer.ref_logp_nats) json["ref_logp_nats"].push_back(float_json(logp));
  if (!answer.note.empty()) json["note"] = Json::parse(answer.note);
  return json;
}

Answer answer_of(const Json& json, std::map<int, std::string>& origins) {
  Answer answer;
  answer.text = text_from(json);
  const auto& origin = json.at("origin");
  if (origin.is_object()) {
    answer.made_by = static_cast<int>(whole_number(origin.at("stage"), 0, INT32_MAX));
    origins[answer.made_by] = origin.dump();
  }
  if (json.contains("tokens")) {
    for (const auto& id : json["tokens"]) answer.tokens.push_back(whole_number(id, 0, INT32_MAX));
    answer.prompt_tokens = whole_number(json.at("prompt_tokens"), 0, INT32_MAX);
  }
  for (const auto& id : json.value("drawn", Json::array())) answer.drawn.push_back(whole_number(id, 0, INT32_MAX));
  answer.ended = json.value("ended", false);
  answer.finished = json.value("finished", true);
  if (json.contains("members")) answer.members = json["members"].dump();
  answer.logp_nats = number_from(json.at("logp_nats"));
  answer.reward = number_from(json.at("reward"));
  answer.judged = json.value("judged", false);
  const auto place = [](const Json& byte) { return static_cast<int>(whole_number(byte, 0, INT32_MAX)); };
  for (const auto& span : json.value("spans", Json::array())) {
    answer.spans.push_back({.first = place(span.at("first")),
                            .last = place(span.at("last")),
                            .weight = number_from(span.at("weight")),
                            .role = span.at("role").get<std::string>()});
  }
  for (const auto& logp : json.value("ref_logp_nats", Json::array())) {
    answer.ref_logp_nats.push_back(static_cast<float>(number_from(logp)));
  }
  return answer;
}

Json prompt_json(const Record& record) {
  Json json = {{"parent", record.id}, {"task", record.task}, {"prompt", to_utf8(plain_text(record.prompt))}};
  for (const auto& turn : record.prompt) {
    for (const auto& part : turn.parts) {
      const auto* media = std::get_if<Media>(&part);
      if (media == nullptr) continue;
      const auto& facts = facts_of(kind_of(*media));
      json[facts.record_key].push_back(facts.described_in_records
                                           ? Json{{"sha256", media_hash(*media)}, {"what", media_text(*media)}}
                                           : Json(media_hash(*media)));
    }
  }
  return json;
}

/// The name of a row within one data set. Repeated rows are equal, so any of them will do.
std::string name_of(const Json& prompt) {
  Json name = {prompt.at("parent"), prompt.at("prompt")};
  for (const auto kind : media_kinds) name.push_back(prompt.value(facts_of(kind).record_key, Json::array()));
  return name.dump();
}

std::map<std::string, double> values_of(const Json& json) {
  std::map<std::string, double> values;
  for (const auto& member : json.items()) values[member.key()] = number_from(member.value());
  return values;
}

/// All lines but the last, checked against the hash that the last one holds.
std::vector<std::string> checked_lines(std::string_view text) {
  require(text.ends_with('\n'), Fault::data, "cut short");
  const auto before = text.substr(0, text.size() - 1).rfind('\n');
  require(before != std::string_view::npos, Fault::data, "cut short");
  const auto body = text.substr(0, before + 1);
  const auto last = parse_json(text.substr(before + 1), "last line");
  require(last.is_object() && last.contains("sha256"), Fault::data, "cut short");
  require(last["sha256"] == sha256(body), Fault::data,
          "changed after it was written: its SHA-256 is not that of its last line");
  return split(std::string(body.substr(0, body.size() - 1)), '\n');
}

/// The content of the first line, without records. For a file in another format only that format is known.
MadeFile head_from(const std::string& line) {
  const auto head = parse_json(line, "line 1");
  MadeFile made;
  if (head.at("format") != made_format) {
    made.key = Json{{"format", head["format"]}}.dump();
    return made;
  }
  made.stage = static_cast<int>(whole_number(head.at("stage"), 0, INT32_MAX));
  made.name = head.at("name").get<std::string>();
  made.key = head.at("key").dump();
  made.values = values_of(head.at("values"));
  return made;
}

void add_records(const std::vector<std::string>& lines, std::span<const Record> source, MadeFile& made) {
  std::map<std::string, const Record*> parents;
  for (const auto& record : source) parents.emplace(name_of(prompt_json(record)), &record);
  for (std::size_t at = 1; at < lines.size(); ++at) {
    const auto line = parse_json(lines[at], "line " + std::to_string(at + 1));
    const auto parent = parents.find(name_of(line));
    require(parent != parents.end(), Fault::data, [&] {
      return "line " + std::to_string(at + 1) + ": its prompt is not in the data set that the file was made from";
    });
    auto record = *parent->second;
    record.item = line.value("item", "");
    record.answers.clear();
    for (const auto& answer : line.at("answers")) record.answers.push_back(answer_of(answer, made.origins));
    made.records.push_back(std::move(record));
  }
}

/// The first line.
Json head_of(const MadeFile& made) {
  Json values = Json::object();
  for (const auto& [name, value] : made.values) values[name] = number_json(value);
  return {{"format", made_format},
          {"stage", made.stage},
          {"name", made.name},
          {"values", values},
          {"key", Json::parse(made.key)}};
}

/// Fields of any kind, each with its length before it.
class RecordHash {
 public:
  void add(std::string_view field) {
    add_count(field.size());
    hash_.add(field);
  }
  void add_count(std::size_t count) { hash_.add(std::to_string(count) + ":"); }
  void add(const std::vector<std::string>& fields) {
    add_count(fields.size());
    for (const auto& field : fields) add(field);
  }
  void add(const Dialog& dialog) {
    add_count(dialog.size());
    for (const auto& turn : dialog) {
      add(role_name(turn.role));
      add(turn.delimiter);
      add(turn.members);
      add_count(turn.parts.size());
      for (const auto& part : turn.parts) {
        const auto* media = std::get_if<Media>(&part);
        add(media != nullptr ? facts_of(kind_of(*media)).hashed_as + media_hash(*media)
                             : "text " + std::get<std::string>(part));
      }
    }
  }
  void add(const Example& example) {
    add(example.id);
    add(example.question);
    add(example.history);
    add(example.targets);
    add(example.choices);
    add_count(example.gold.size());
    for (const auto right : example.gold) add(std::to_string(right));
    add_count(example.facts.size());
    for (const auto& [name, fact] : example.facts) {
      add(name);
      add(fact);
    }
  }
  std::string hex() { return hash_.hex(); }

 private:
  Sha256 hash_;
};

bool is_record_file(const std::string& name) {
  const auto digits = name.find_first_not_of("0123456789");
  return digits != 0 && digits != std::string::npos && name[digits] == '-' && name.ends_with(".jsonl.gz");
}

}  // namespace

std::string record_file_name(int stage, const std::string& name) {
  return std::to_string(stage) + "-" + name + ".jsonl.gz";
}

RecordFile record_file(const MadeFile& made, std::string_view text) {
  RecordFile file;
  file.stage = made.stage;
  file.name = made.name;
  file.file = record_file_name(made.stage, made.name);
  file.rows = static_cast<std::int64_t>(made.records.size());
  for (const auto& record : made.records) {
    file.answers += static_cast<std::int64_t>(record.answers.size());
    file.written += std::count_if(record.answers.begin(), record.answers.end(),
                                  [&](const Answer& answer) { return answer.made_by == made.stage; });
  }
  file.bytes = static_cast<std::int64_t>(text.size());
  file.sha256 = sha256(text);
  return file;
}

fs::path records_folder(const fs::path& out) { return out.string() + ".records"; }

void remove_record_files(const fs::path& folder, std::span<const RecordFile> kept) {
  std::error_code ignored;
  std::vector<fs::path> others;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const auto name = entry.path().filename().string();
    const auto is_kept = [&](const RecordFile& file) { return file.file == name; };
    if (is_record_file(name) && std::none_of(kept.begin(), kept.end(), is_kept)) others.push_back(entry.path());
  }
  for (const auto& path : others) fs::remove(path, ignored);
  fs::remove(folder, ignored);  // succeeds only when nothing is in it
}

std::string made_text(const MadeFile& made) {
  std::string text = head_of(made).dump() + '\n';
  for (const auto& record : made.records) {
    auto line = prompt_json(record);
    if (!record.item.empty()) line["item"] = record.item;
    auto& answers = line["answers"] = Json::array();
    for (const auto& answer : record.answers) answers.push_back(answer_json(answer, made.origins));
    text += line.dump() + '\n';
  }
  return text + Json{{"sha256", sha256(text)}}.dump() + '\n';
}

MadeFile made_from_text(std::string_view text, const std::string& where, const std::string& key,
                        std::span<const Record> source) {
  try {
    const auto lines = checked_lines(text);
    auto made = head_from(lines.front());
    if (made.key == key) add_records(lines, source, made);
    return made;
  } catch (const Error& error) {
    throw Error(Fault::data, where + ": " + error.what());
  } catch (const std::exception& error) {  // a key that is not there, a value of another kind
    throw Error(Fault::data, where + ": is not a file of records that a stage made: " + error.what());
  }
}

std::string records_hash(std::span<const Record> records, const std::map<int, std::string>& origins) {
  RecordHash hash;
  for (const auto& record : records) {
    hash.add(record.id);
    hash.add(record.task);
    hash.add(record.item);
    hash.add(record.tools);
    hash.add(record.prompt);
    hash.add_count(record.answers.size());
    for (const auto& answer : record.answers) hash.add(answer_json(answer, origins).dump());
    if (record.example != nullptr) hash.add(*record.example);
  }
  return hash.hex();
}

}  // namespace touchstone
