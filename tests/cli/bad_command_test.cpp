// Data sets, databases and command lines.
#include <sqlite3.h>

#include <algorithm>

#include "harness/base/files.hpp"
#include "harness/store/store.hpp"
#include "tests/cli/bad_input.hpp"

namespace touchstone::testing {
namespace {
namespace fs = std::filesystem;

Prepare gsm8k(const std::string& text) { return data_file("gsm8k/test.jsonl", text, "gsm8k"); }
Prepare anatomy(const std::string& text) { return data_file("mmlu/test/anatomy_test.csv", text, "mmlu_anatomy"); }
Prepare truthful(const std::string& text) {
  return data_file("truthfulqa/multiple_choice/validation.jsonl", text, "truthfulqa_mc1");
}
Prepare humaneval(const std::string& text) { return data_file("humaneval/HumanEval.jsonl", text, "humaneval"); }

const std::string good_line = "{\"question\": \"q\", \"answer\": \"#### 1\"}\n";

const std::vector<BadInput> data_sets = {
    {"folder",
     plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--data", "/no/such/folder"}),
     {"--data", "/no/such/folder"}},
    {"broken_line", gsm8k(good_line + "{\"question\": "), {"test.jsonl", "line 2"}},
    {"half_a_file", gsm8k(good_line + good_line.substr(0, 20)), {"test.jsonl", "line 2"}},
    {"two_on_a_line", gsm8k("{} {}\n"), {"test.jsonl", "line 1, column 4"}},
    {"list", gsm8k("[1]\n"), {"test.jsonl", "line 1", "an object"}},
    {"missing_key", gsm8k("{\"question\": \"q\", \"anwser\": \"1\"}\n"), {"test.jsonl", "line 1", "answer", "anwser"}},
    {"wrong_type",
     gsm8k("{\"question\": 5, \"answer\": \"x\"}\n"),
     {"test.jsonl", "line 1", "question", "found 5", "text"}},
    {"null",
     gsm8k(good_line + "{\"question\": null, \"answer\": \"x\"}\n"),
     {"test.jsonl", "line 2", "question", "null"}},
    {"twice", gsm8k("{\"answer\": \"1\", \"answer\": \"2\"}\n"), {"test.jsonl", "line 1", "answer", "twice"}},
    {"empty", gsm8k(""), {"gsm8k", "no example"}},
    {"only_line_breaks", gsm8k("\n\n\n"), {"gsm8k", "no example"}},
    {"not_utf8", gsm8k("{\"question\": \"\xff\", \"answer\": \"#### 1\"}\n"), {"test.jsonl", "line 1", "UTF-8"}},
    {"lone_surrogate", gsm8k("{\"question\": \"\\ud800\", \"answer\": \"#### 1\"}\n"), {"test.jsonl", "line 1"}},
    {"deep", gsm8k(std::string(100000, '[') + "\n"), {"test.jsonl", "line 1", "nested"}},
    {"huge_line",
     gsm8k("{\"question\": \"" + std::string(std::size_t{5} << 20U, 'x') + "\"}\n"),
     {"test.jsonl", "line 1", "expected at most 4194304"}},
    {"no_gzip",
     data_file("gsm8k/test.jsonl.gz", std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03\xab", 11), "gsm8k"),
     {"test.jsonl.gz", "gzip"}},
    {"columns", anatomy("q,a,b,c,d,A\nq,a,b,c,A\n"), {"anatomy_test.csv", "line 2", "5 columns", "6"}},
    {"letter", anatomy("q,a,b,c,d,F\n"), {"anatomy_test.csv", "line 1", "'F'", "A, B, C or D"}},
    {"quote", anatomy("q,a,b,c,d,A\n\"q,a,b,c,d,A\n"), {"anatomy_test.csv", "line 2", "quoted field"}},
    {"two_true",
     truthful(
         R"({"question": "q", "mc1_targets": {"choices": ["a", "b"], "labels": [1, 1]}, "mc2_targets": {"choices": ["a"], "labels": [1]}})"),
     {"validation.jsonl", "line 1", "mc1_targets", "2 true answers"}},
    {"header",
     data_file("truthfulqa/TruthfulQA.csv", "Type,Category\n", "truthfulqa_gen"),
     {"TruthfulQA.csv", "line 1", "column"}},
    {"entry_point",
     humaneval(
         R"({"task_id": "a", "prompt": "p", "canonical_solution": "s", "test": "t", "entry_point": "f; import os"})"),
     {"HumanEval.jsonl", "line 1", "entry_point"}},
    {"filter_none",
     plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--filter", "zzz", "--quiet"}),
     {"gsm8k", "zzz"}},
    {"filter",
     plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--filter", "(", "--quiet"}),
     {"filter", "'('", "character"}},
    {"subject",
     plain({"eval", "--model", "stories260k", "--tasks", "mmlu", "--subjects", "anatomi", "--quiet"}),
     {"anatomi", "anatomy"}},
    {"subject_of_none",
     plain({"eval", "--model", "stories260k", "--tasks", "mmlu", "--subjects", "nosuch-subject", "--quiet"}),
     {"unknown subject 'nosuch-subject'", "abstract_algebra, ", "(57 in all)"}},
    {"import_ending",
     [](const fs::path& folder) {
       put(folder / "in.txt", good_line);
       return Words{"data", "import", "gsm8k", (folder / "in.txt").string(), "--split", "test"};
     },
     {"in.txt", "gsm8k's test split", "by its ending", "expected .jsonl"}},
    {"import_split",
     [](const fs::path& folder) {
       put(folder / "in.jsonl", good_line);
       return Words{"data", "import", "gsm8k", (folder / "in.jsonl").string(), "--split", "dev"};
     },
     {"in.jsonl", "gsm8k's dev split", "which has none"}},
    {"import_made", plain({"data", "import", "micro-gsm8k", "/no/file"}), {"micro-gsm8k needs no data file"}},
    {"import_missing",
     [](const fs::path& folder) {
       return Words{"data", "import", "gsm8k", "/no/test.jsonl", "--into", folder.string()};
     },
     {"/no/test.jsonl"}},
    {"import_broken",
     [](const fs::path& folder) {
       put(folder / "in" / "test.jsonl", good_line + "{");
       return Words{
           "data", "import", "gsm8k", (folder / "in" / "test.jsonl").string(), "--into", (folder / "into").string()};
     },
     {"test.jsonl", "line 2"}},
    {"import_unknown",
     [](const fs::path& folder) {
       return Words{"data", "import", "gsm9k", folder.string(), "--into", folder.string()};
     },
     {"gsm9k", "gsm8k"}},
};
TOUCHSTONE_BAD_INPUTS(Data, data_sets);

/// A command with a database of that content.
Prepare database(const std::function<void(const fs::path&)>& make, Words words = {"report"}) {
  return [=](const fs::path& folder) {
    const auto path = folder / "r.sqlite";
    make(path);
    auto all = words;
    all.insert(all.end(), {"--db", path.string()});
    return all;
  };
}

void run_sql(const fs::path& path, const char* text) {
  sqlite3* opened = nullptr;
  sqlite3_open(path.c_str(), &opened);
  sqlite3_exec(opened, text, nullptr, nullptr, nullptr);
  sqlite3_close(opened);
}

void other_program(const fs::path& path) { run_sql(path, "CREATE TABLE history (url TEXT)"); }
void newer(const fs::path& path) {
  { const Store store(path); }
  run_sql(path, "PRAGMA user_version = 99; PRAGMA journal_mode = DELETE");
}
void some_text(const fs::path& path) { put(path, std::string(5000, 'x')); }
void empty_store(const fs::path& path) {
  { const Store store(path); }
  run_sql(path, "PRAGMA journal_mode = DELETE");
}

const Words eval_one = {"eval", "--model", "stories260k", "--tasks", "gsm8k", "--limit", "1", "--quiet"};

const std::vector<BadInput> databases = {
    {"absent", plain({"report", "--db", "/no/such/r.sqlite"}), {"/no/such/r.sqlite", "no such database"}},
    {"folder_absent",
     plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--db", "/no/such/r.sqlite", "--quiet"}),
     {"/no/such/r.sqlite", "folder does not exist"}},
    {"text", database(some_text), {"r.sqlite", "not a SQLite database"}},
    {"not_made_for_a_bad_model",
     [](const fs::path& folder) {
       put(folder / "model" / "config.json", "{");
       return Words{"eval",  "--model", (folder / "model").string(),    "--tasks",
                    "gsm8k", "--db",    (folder / "r.sqlite").string(), "--quiet"};
     },
     {"config.json", "line 1"}},
    {"text_written", database(some_text, eval_one), {"r.sqlite", "not a SQLite database"}},
    {"folder",
     database([](const fs::path& path) { fs::create_directory(path); }),
     {"r.sqlite", "is a folder, expected a database file"}},
    {"empty", database([](const fs::path& path) { put(path, ""); }), {"r.sqlite", "empty database"}},
    {"another_program", database(other_program), {"r.sqlite", "another program", "application_id 0"}},
    {"another_program_written",
     database(other_program, eval_one),
     {"r.sqlite", "another program", "expected one of touchstone"}},
    {"newer", database(newer), {"r.sqlite", "schema version 99", "newer", "expected at most 6"}},
    {"newer_written", database(newer, eval_one), {"r.sqlite", "schema version 99", "nothing was changed"}},
    {"no_run", database(empty_store), {"r.sqlite", "no run"}},
    {"run_number", database(empty_store, {"report", "--run", "7"}), {"r.sqlite", "run", "7"}},
    {"gate_run",
     database(empty_store, {"gate", "--baseline", "quick:base", "--candidate", "quick:sft:gsm8k:1"}),
     {"quick:base", "no model or run"}},
    {"gate_run_limit",
     database(empty_store, {"gate", "--baseline", "a:base", "--candidate", "a:sft", "--limit", "3"}),
     {"--limit", "how to measure a checkpoint folder"}},
    {"gate_run_task",
     database(empty_store, {"gate", "--baseline", "a:base", "--candidate", "a:sft", "--tasks", "gsm9k"}),
     {"gsm9k", "gsm8k"}},
};
TOUCHSTONE_BAD_INPUTS(Database, databases);

/// `touchstone train` into a folder below the test's own.
Prepare train(Words more) {
  return [more = std::move(more)](const fs::path& folder) {
    Words all = {"train", "sft", "--quiet"};
    if (std::find(more.begin(), more.end(), "--model") == more.end()) all.insert(all.end(), {"--model", "stories260k"});
    if (std::find(more.begin(), more.end(), "--on") == more.end()) all.insert(all.end(), {"--on", "gsm8k"});
    if (std::find(more.begin(), more.end(), "--out") == more.end())
      all.insert(all.end(), {"--out", (folder / "out").string()});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
}

Prepare gate(Words more) {
  return [more = std::move(more)](const fs::path&) {
    Words all = {
        "gate",    "--baseline", carried_model().string(), "--candidate", carried_model().string(), "--tasks", "gsm8k",
        "--limit", "2"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
}

/// `touchstone objective sft` on a file with this header and that many zero bytes.
Prepare objective(const std::string& header, std::size_t bytes) {
  return [=](const fs::path& folder) {
    std::string start(8, '\0');
    start[0] = static_cast<char>(header.size());
    put(folder / "in.safetensors", start + header + std::string(bytes, '\0'));
    return Words{
        "objective", "sft", "--inputs", (folder / "in.safetensors").string(), "--out", (folder / "o").string()};
  };
}

const std::vector<BadInput> commands = {
    {"command", plain({"lst"}), {"unknown command 'lst'", "'list'", "touchstone --help"}},
    {"no_command", plain({}), {"which command", "eval"}},
    {"inner_command", plain({"data", "lits"}), {"unknown command 'lits'", "'list'", "touchstone data --help"}},
    {"option", plain({"eval", "--model", "m", "--tasks", "gsm8k", "--limt=3"}), {"'--limt'", "--limit", "eval --help"}},
    {"kind", plain({"list", "bogus"}), {"bogus", "tasks", "list --help"}},
    {"report_run", plain({"report", "--db", "r", "--run", "x"}), {"--run: found 'x'", "a whole number of at least 1 "}},
    {"seed_half", train({"--seed", "1.5"}), {"--seed: found '1.5'", "a whole number of at least 0 "}},
    {"seed_negative", train({"--seed", "-1"}), {"--seed: found '-1'", "a whole number of at least 0 "}},
    {"eval_seed",
     plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--seed", "-1"}),
     {"--seed: found '-1'", "a whole number of at least 0 "}},
    {"limit",
     plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--limit", "abc"}),
     {"--limit: found 'abc'", "a number in [0, 1e+09]"}},
    {"shots",
     plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--shots", "2000"}),
     {"--shots: found '2000'", "a whole number in [-1, 1000]"}},
    {"add_bos_token",
     plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--add-bos-token", "maybe"}),
     {"--add-bos-token: found 'maybe'", "true or false"}},
    {"dtype",
     plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--dtype", "float8"}),
     {"--dtype: found 'float8'", "one of float32, bfloat16"}},
    {"plan_misspelt", plain({"run", "quikstart"}), {"unknown plan 'quikstart'", "did you mean 'quickstart'"}},
    {"plan_unknown",
     plain({"run", "my-own-experiment"}),
     {"unknown plan 'my-own-experiment'", "there are: continue-text-ab, demo"}},
    {"gate_junit", gate({"--junit", "/no/folder/x.xml"}), {"/no/folder/x.xml", "cannot be created"}},
    {"objective_before_file",
     plain({"objective", "sftt", "--inputs", "/no/a.safetensors", "--out", "b"}),
     {"sftt", "sft"}},
    {"task", plain({"eval", "--model", "stories260k", "--tasks", "gsm9k"}), {"gsm9k", "gsm8k"}},
    {"no_task", plain({"eval", "--model", "stories260k"}), {"--tasks"}},
    {"model", plain({"eval", "--model", "/no/model", "--tasks", "gsm8k"}), {"/no/model", "no such checkpoint folder"}},
    {"model_misspelt", plain({"eval", "--model", "stories26k", "--tasks", "gsm8k"}), {"stories26k", "stories260k"}},
    {"no_cuda",
     plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--device", "cuda:7"}),
     {"cuda:7", "device"}},
    {"device", plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--device", "tpu"}), {"tpu", "cuda:N"}},
    {"template_of_shots",
     plain({"eval", "--model", "stories260k", "--tasks", "gsm8k", "--chat", "--quiet"}),
     {"stories260k", "chat template"}},
    {"method", train({"--set", "train.max_steps=1", "--on", "gsm9k"}), {"gsm9k", "gsm8k"}},
    {"set_shape", train({"--set", "x"}), {"--set x", "STAGE.KEY=VALUE"}},
    {"set_stage", train({"--set", "trian.max_steps=1"}), {"set 'trian.max_steps'", "train"}},
    {"set_key", train({"--set", "train.max_step=1"}), {"max_step", "max_steps"}},
    {"set_value", train({"--set", "train.max_steps=many"}), {"max_steps", "many", "whole number"}},
    {"train_model", train({"--model", "/no/model"}), {"/no/model"}},
    {"train_chat", train({"--chat"}), {"stories260k", "chat template"}},
    {"train_on_top_of_files",
     [](const fs::path& folder) {
       put(folder / "out" / "thesis.txt", "mine");
       return train({})(folder);
     },
     {"out", "thesis.txt"}},
    {"train_on_top_of_a_file",
     [](const fs::path& folder) {
       put(folder / "out", "mine");
       return train({})(folder);
     },
     {"out", "not a folder"}},
    {"train_into_its_model",
     [](const fs::path& folder) {
       fs::copy(carried_model(), folder / "model", fs::copy_options::recursive);
       return train({"--model", (folder / "model").string(), "--out", (folder / "model").string()})(folder);
     },
     {"model", "--out"}},
    {"gate_drop", gate({"--max-drop", "gsm8k=much"}), {"--max-drop", "gsm8k=much"}},
    {"gate_drop_negative", gate({"--max-drop", "-1"}), {"--max-drop", "-1"}},
    {"gate_drop_task", gate({"--max-drop", "gsm8q=1"}), {"unknown task 'gsm8q'", "gsm8k"}},
    {"gate_folder", plain({"gate", "--baseline", "/no/a", "--candidate", "/no/b", "--tasks", "gsm8k"}), {"/no/a"}},
    {"report_folder",
     [](const fs::path& folder) {
       empty_store(folder / "r.sqlite");
       return Words{"report", "--db", (folder / "r.sqlite").string(), "--format", "digest", "--out", "/no/folder/x"};
     },
     {"/no/folder/x", "No such file"}},
    {"objective_unknown",
     [](const fs::path& folder) {
       return Words{"objective", "sftt",
                    "--inputs",  (carried_model() / "model.safetensors").string(),
                    "--out",     (folder / "b").string()};
     },
     {"sftt", "sft"}},
    {"objective_options",
     [](const fs::path& folder) {
       return Words{"objective", "asft",
                    "--inputs",  (carried_model() / "model.safetensors").string(),
                    "--out",     (folder / "b").string(),
                    "--options", "{kl"};
     },
     {"--options", "line 1"}},
    {"objective_no_file",
     plain({"objective", "sft", "--inputs", "/no/a.safetensors", "--out", "b"}),
     {"/no/a.safetensors"}},
    {"objective_no_logits",
     objective(R"({"labels":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", 8),
     {"in.safetensors", "logits"}},
    {"objective_labels",
     objective(
         R"({"labels":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},"logits":{"dtype":"F32","shape":[1,2],"data_offsets":[16,24]}})",
         24),
     {"in.safetensors", "labels", "[2]"}},
    {"show_unknown", plain({"show", "tasks", "gsm8"}), {"gsm8", "gsm8k"}},
};
TOUCHSTONE_BAD_INPUTS(Command, commands);

}  // namespace
}  // namespace touchstone::testing
