#include <algorithm>

#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/base/one_line.hpp"
#include "harness/base/text.hpp"
#include "harness/pictures/picture.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_line_bytes = std::size_t{16} << 20;

[[noreturn]] void wrong(const std::string& where, const std::string& found) {
  throw Error(Fault::data, where + ": " + found +
                               ", expected {\"prompt\", \"completion\"}, {\"prompt\", \"chosen\", \"rejected\"}, "
                               "{\"messages\": [{\"role\", \"content\"}]} with the assistant last, or {\"input_ids\"}");
}

/// The pictures of a row, which lie in the file's folder, on their way into its prompt.
class RowPictures {
 public:
  RowPictures(const Json& row, const fs::path& folder, const std::string& where) : where_(where) {
    const auto list = row.find("images");
    if (list == row.end()) return;
    if (!list->is_array()) wrong(where, "'images' that are not a list of paths");
    for (const auto& path : *list) {
      if (!path.is_string()) wrong(where, "'images' that are not a list of paths");
      images_.push_back(read(folder, path.get<std::string>()));
    }
  }

  std::size_t left() const { return images_.size() - next_; }
  Part take() {
    if (left() == 0) wrong(where_, "more places for pictures than 'images'");
    return std::move(images_[next_++]);
  }
  /// A text whose placeholders, in a row with pictures, become pictures.
  std::vector<Part> parts(std::string_view text) {
    constexpr std::string_view mark = picture_placeholder;
    std::vector<Part> all;
    for (auto at = text.find(mark); !images_.empty() && at != std::string_view::npos; at = text.find(mark)) {
      if (at > 0) all.emplace_back(std::string(text.substr(0, at)));
      all.push_back(take());
      text.remove_prefix(at + mark.size());
    }
    if (!text.empty() || all.empty()) all.emplace_back(std::string(text));
    return all;
  }

 private:
  Image read(const fs::path& folder, const std::string& path) const {
    const auto inner = fs::path(path).lexically_normal();
    if (inner.empty() || inner.is_absolute() || *inner.begin() == "..") {
      wrong(where_, "picture '" + one_line(path) + "' outside the file's folder");
    }
    try {
      return read_picture(folder / inner);
    } catch (const Error& error) {
      throw Error(error.fault(), where_ + ": " + error.what());
    }
  }

  std::string where_;
  std::vector<Image> images_;
  std::size_t next_ = 0;
};

std::string text_at(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) wrong(where, std::string("no text under '") + key + "'");
  return found->get<std::string>();
}

Role role_of(const std::string& name, const std::string& where) {
  for (const auto role : {Role::system, Role::user, Role::assistant, Role::tool}) {
    if (name == role_name(role)) return role;
  }
  wrong(where, "unknown role '" + name + "'");
}

/// A message's text, or its list of {"type": "text", "text"} and {"type": "image"}.
std::vector<Part> content_of(const Json& message, RowPictures& pictures, const std::string& where) {
  const auto content = message.find("content");
  if (content == message.end() || !content->is_array()) return pictures.parts(text_at(message, "content", where));
  std::vector<Part> parts;
  for (const auto& part : *content) {
    if (!part.is_object()) wrong(where, "a part of a message that is not an object");
    const auto type = text_at(part, "type", where);
    if (type == "image") {
      parts.push_back(pictures.take());
    } else if (type == "text") {
      parts.emplace_back(text_at(part, "text", where));
    } else {
      wrong(where, "a part of type '" + one_line(type) + "'");
    }
  }
  return parts;
}

void read_messages(const Json& messages, RowPictures& pictures, const std::string& where, Record& record) {
  if (!messages.is_array() || messages.empty()) wrong(where, "an empty conversation");
  for (const auto& message : messages) {
    if (!message.is_object()) wrong(where, "a message that is not an object");
    record.prompt.push_back(
        {role_of(text_at(message, "role", where), where), content_of(message, pictures, where), "\n"});
  }
  if (record.prompt.back().role != Role::assistant)
    wrong(where, "a conversation whose last turn is not the assistant's");
  for (const auto& part : record.prompt.back().parts) {
    if (std::holds_alternative<Image>(part)) wrong(where, "a picture in the answer");
  }
  record.answers.front().text = text_of(record.prompt.back());
  record.prompt.pop_back();
}

void read_tokens(const Json& row, const std::string& where, Answer& answer) {
  if (!row.at("input_ids").is_array()) wrong(where, "token ids that are not a list");
  const auto whole = [](const Json& value) { return value.is_number_integer() && value >= 0; };
  for (const auto& id : row.at("input_ids")) {
    if (!whole(id)) wrong(where, "a token id that is not a whole number");
    answer.tokens.push_back(id.get<std::int64_t>());
  }
  if (answer.tokens.empty()) wrong(where, "no token ids");
  if (!row.contains("prompt_tokens")) return;
  if (!whole(row["prompt_tokens"])) wrong(where, "'prompt_tokens' that is not a whole number");
  answer.prompt_tokens = row["prompt_tokens"].get<std::int64_t>();
}

/// The prompt as one turn; pictures that it does not place stand before it.
Turn prompt_turn(const std::string& text, RowPictures& pictures) {
  Turn turn{.role = Role::user, .parts = {}, .delimiter = ""};
  if (text.find(picture_placeholder) == std::string::npos) {
    while (pictures.left() > 0) turn.parts.push_back(pictures.take());
  }
  for (auto& part : pictures.parts(text)) turn.parts.push_back(std::move(part));
  return turn;
}

/// Where in two whole dialogues of "\n\nHuman:" and "\n\nAssistant:" turns the last answer begins, which alone may
/// differ.
std::size_t last_answer(const std::string& chosen, const std::string& rejected, const std::string& where) {
  constexpr std::string_view turn = "\n\nAssistant:";
  const auto alike = std::mismatch(chosen.begin(), chosen.end(), rejected.begin(), rejected.end()).first;
  const auto at = chosen.substr(0, static_cast<std::size_t>(alike - chosen.begin())).rfind(turn);
  if (at == std::string::npos) wrong(where, "no 'prompt' and no \"\\n\\nAssistant:\" that both answers follow");
  return at + turn.size();
}

void read_preference(const Json& row, RowPictures& pictures, const std::string& where, Record& record) {
  auto chosen = text_at(row, "chosen", where);
  auto rejected = text_at(row, "rejected", where);
  std::string prompt;
  if (row.contains("prompt")) {
    prompt = text_at(row, "prompt", where);
  } else {
    const auto at = last_answer(chosen, rejected, where);
    prompt = chosen.substr(0, at);
    chosen.erase(0, at);
    rejected.erase(0, at);
  }
  record.prompt = {prompt_turn(prompt, pictures)};
  record.answers.resize(2);
  record.answers[0].text = std::move(chosen);
  record.answers[0].reward = 1.0;
  record.answers[1].text = std::move(rejected);
  record.answers[1].reward = -1.0;
}

Record read_row(const Json& row, const std::string& where, const fs::path& folder) {
  if (!row.is_object()) wrong(where, "no object");
  Record record;
  record.id = where;
  record.task = "import";
  record.answers.emplace_back();
  RowPictures pictures(row, folder, where);
  if (row.contains("input_ids")) {
    read_tokens(row, where, record.answers.front());
  } else if (row.contains("messages")) {
    read_messages(row["messages"], pictures, where, record);
  } else if (row.contains("chosen")) {
    read_preference(row, pictures, where, record);
  } else {
    record.prompt = {prompt_turn(text_at(row, "prompt", where), pictures)};
    record.answers.front().text = text_at(row, "completion", where);
  }
  if (pictures.left() > 0) wrong(where, "more 'images' than places for pictures");
  if (row.contains("label")) {
    if (!row["label"].is_boolean()) wrong(where, "a 'label' that is neither true nor false");
    record.answers.front().reward = row["label"].get<bool>() ? 1.0 : -1.0;
  }
  return record;
}

std::vector<Record> read_rows(const fs::path& file) {
  std::vector<Record> records;
  const auto name = file.filename().string();
  std::size_t number = 0;
  for (const auto& line : split(read_text_file(file), '\n')) {
    ++number;
    if (strip(line).empty()) continue;
    const auto where = name + ": line " + std::to_string(number);
    const auto row = parse_json(line, file.string(), {.bytes = longest_line_bytes, .first_line = number});
    records.push_back(read_row(row, where, file.parent_path()));
  }
  require(!records.empty(), Fault::data, [&] { return file.string() + ": holds no row"; });
  return records;
}

Stage make_import_rows(Options& options, const TrainerBook&) {
  const fs::path file = options.text("file",
                                     "JSON lines, gzipped if it ends in .gz: prompt and completion, or prompt, "
                                     "chosen and rejected, or messages, or input_ids with prompt_tokens; "
                                     "label (true, false) judges an answer; images: paths of pictures beside the file");
  const auto name = options.text("as", "name of the data set that this makes", {.fallback = "data", .choices = {}});
  Stage stage;
  stage.gives.push_back("data set '" + name + "'");
  stage.check = [file](const TrainJob&) {
    require(fs::is_regular_file(file), Fault::data, [&] { return file.string() + ": there is no such file"; });
  };
  stage.run = [file, name](Session& session) {
    session.data[name] = read_rows(file);
    session.values["rows"] = static_cast<double>(session.data[name].size());
  };
  return stage;
}

}  // namespace

namespace plugins {
void import_rows(TrainerBook& book) {
  book.stages.add("import_rows", {.summary = "training rows from a file of your own", .make = make_import_rows});
}
}  // namespace plugins
}  // namespace touchstone
