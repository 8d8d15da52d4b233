#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/data_set.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

/// A member of an object, of the wanted type. Throws Fault::data with its place in the file.
const Json& member(const Json& object, const char* key, Json::value_t type, const std::string& where) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  require(object.is_object() && found != object.end() && found->type() == type, Fault::data, [&] {
    return where + ": found no '" + key +
           "', expected the layout of SQuAD: data[].paragraphs[].{context, qas[].{id, question, answers[].text}}";
  });
  return *found;
}

std::string squad_text(const Json& object, const char* key, const std::string& where) {
  return member(object, key, Json::value_t::string, where).get<std::string>();
}

const Json& squad_list(const Json& object, const char* key, const std::string& where) {
  return member(object, key, Json::value_t::array, where);
}

/// A question, behind the paragraph that answers it, with its first answer.
Record read_question(const Json& question, const std::string& context, const std::string& file) {
  Record record;
  record.id = squad_text(question, "id", file + ": a question");
  record.task = "import";
  const auto where = file + ": question '" + record.id + "'";
  const auto asked = (context.empty() ? "" : context + "\n\n") + squad_text(question, "question", where) + "\n";
  record.prompt = {{Role::user, {asked}, ""}};
  const auto& answers = squad_list(question, "answers", where);
  record.answers.emplace_back();
  if (!answers.empty()) record.answers.front().text = squad_text(answers.front(), "text", where);
  return record;
}

std::vector<Record> read_questions(const fs::path& path, bool with_context) {
  const auto file = path.filename().string();
  const auto whole = parse_json(read_text_file(path), path.string());
  std::vector<Record> records;
  for (const auto& article : squad_list(whole, "data", file)) {
    for (const auto& paragraph : squad_list(article, "paragraphs", file + ": an article")) {
      const auto context = squad_text(paragraph, "context", file + ": a paragraph");
      for (const auto& question : squad_list(paragraph, "qas", file + ": a paragraph")) {
        records.push_back(read_question(question, with_context ? context : std::string(), file));
      }
    }
  }
  require(!records.empty(), Fault::data, [&] { return path.string() + ": found no question, expected at least one"; });
  return records;
}

Stage make_import_squad(Options& options, const TrainerBook&) {
  const fs::path file = options.text("file", "JSON in the layout of SQuAD, gzipped if it ends in .gz");
  const auto name = options.text("as", "name of the data set that this makes", {.fallback = "data"});
  const auto with_context = options.flag("context", "the paragraph stands before the question", true);
  Stage stage;
  stage.gives.push_back(needs_data(name));
  stage.check = [file](const TrainJob&) {
    require(fs::is_regular_file(file), Fault::data, [&] { return file.string() + ": there is no such file"; });
  };
  stage.run = [file, name, with_context](Session& session) {
    session.data[name] = read_questions(file, with_context);
    session.values["rows"] = static_cast<double>(session.data[name].size());
  };
  return stage;
}

}  // namespace

namespace plugins {
void import_squad(TrainerBook& book) {
  book.stages.add("import_squad",
                  {.summary = "questions with first answers from a file in SQuAD's layout (XQuAD: a file a language)",
                   .make = make_import_squad});
}
}  // namespace plugins
}  // namespace touchstone
