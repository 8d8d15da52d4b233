// Plans and recipes.
#include "tests/cli/bad_input.hpp"

namespace touchstone::testing {
namespace {
namespace fs = std::filesystem;

Json good_plan() {
  return {{"name", "p"},        {"models", {"stories260k"}},
          {"methods", {"sft"}}, {"train_on", {"gsm8k"}},
          {"seeds", {1}},       {"measure_on", {{{"tasks", {"gsm8k"}}, {"limit", 2}}}}};
}

Words run_words(const fs::path& folder) {
  return {"run", (folder / "plan.json").string(), "--db", (folder / "r.sqlite").string(), "--quiet"};
}

Prepare plan_text(const std::string& text) {
  return [text](const fs::path& folder) {
    put(folder / "plan.json", text);
    return run_words(folder);
  };
}

/// A good plan with one key set to a value (a JSON text), or taken out when the text is empty.
Prepare plan(const std::string& key, const std::string& value) {
  auto json = good_plan();
  if (value.empty()) {
    json.erase(key);
  } else {
    json[key] = Json::parse(value);
  }
  return plan_text(json.dump());
}

/// A run that only checks.
Prepare dry(const Prepare& prepare) {
  return [prepare](const fs::path& folder) {
    auto words = prepare(folder);
    words.emplace_back("--dry-run");
    return words;
  };
}

/// A dry run of a good plan with the database that `make` leaves.
Prepare dry_on(const std::function<void(const fs::path&)>& make) {
  return dry([make](const fs::path& folder) {
    make(folder / "r.sqlite");
    return plan_text(good_plan().dump())(folder);
  });
}

/// The plan's only entry of measure_on, as a JSON text.
Prepare measured(const std::string& entry) { return plan("measure_on", "[" + entry + "]"); }

Prepare recipe(const std::string& text) {
  return [text](const fs::path& folder) {
    put(folder / "recipe.json", text);
    return Words{"train", (folder / "recipe.json").string(), "--model", "stories260k", "--on", "gsm8k",
                 "--out", (folder / "out").string(),         "--quiet"};
  };
}

Prepare stages(const std::string& list) {
  return recipe(R"({"method": "x", "paper": "none", "stages": [)" + list + "]}");
}

/// A recipe whose training stage has one option more.
Prepare train_stage(const std::string& option) {
  return stages(R"({"use": "load", "task": "$train_on"}, {"use": "train", "objective": "sft", )" + option + "}");
}

/// A recipe that imports rows from a file of that content.
Prepare imported(const std::string& rows) {
  return [rows](const fs::path& folder) {
    put(folder / "rows.jsonl", rows);
    const Json import = {{"use", "import_rows"}, {"file", (folder / "rows.jsonl").string()}};
    return stages(import.dump() + R"(, {"use": "train", "objective": "sft"})")(folder);
  };
}

const std::vector<BadInput> plans = {
    {"missing", plain({"run", "no_such_plan.json"}), {"no_such_plan.json", "No such file"}},
    {"folder",
     [](const fs::path& folder) { return fs::create_directory(folder / "plan.json"), run_words(folder); },
     {"plan.json", "not a regular file"}},
    {"empty", plan_text(""), {"plan.json", "line 1"}},
    {"cut", plan_text("{\"name\": \"p\","), {"plan.json", "line 1, column 14"}},
    {"not_utf8", plan_text("{\"name\": \"\xff\"}"), {"plan.json", "line 1", "UTF-8"}},
    {"comment", plan_text("{\n// seeds\n}"), {"plan.json", "line 2"}},
    {"not_a_number", plan_text("{\"seeds\": NaN}"), {"plan.json", "line 1"}},
    {"list", plan_text("[]"), {"plan.json", "expected an object"}},
    {"twice", plan_text("{\"name\": \"a\",\n\"name\": \"b\"}"), {"plan.json", "name", "twice"}},
    {"deep", plan_text("{\"seeds\": " + std::string(100, '[') + std::string(100, ']') + "}"), {"plan.json", "nested"}},
    {"misspelt", plan("mesure_on", "[]"), {"plan.json", "mesure_on", "measure_on"}},
    {"misspelt_seeds", plan("seed", "[1]"), {"plan.json", "unknown key 'seed'", "did you mean 'seeds'"}},
    {"misspelt_methods", plan("method", "[]"), {"plan.json", "unknown key 'method'", "did you mean 'methods'"}},
    {"misspelt_set", plan("sets", "{}"), {"plan.json", "unknown key 'sets'", "did you mean 'set'"}},
    {"until_decided_nothing",
     plan("until_decided", "true"),
     {"plan.json", "key 'until_decided'", "no key 'claims' that could be decided"}},
    {"misspelt_claims", plan("claim", "[]"), {"plan.json", "unknown key 'claim'", "did you mean 'claims'"}},
    {"misspelt_tune", plan("tunes", "{}"), {"plan.json", "unknown key 'tunes'", "did you mean 'tune'"}},
    {"misspelt_for_seeds",
     [](const fs::path& folder) {
       auto json = good_plan();
       json.erase("seeds");
       json["seed"] = {1};
       return plan_text(json.dump())(folder);
     },
     {"plan.json", "key 'seeds' is missing", "found 'seed'"}},
    {"key_of_two_lines", plan("na\nme", "1"), {"plan.json", "unknown key 'na me'"}},
    {"no_name", plan("name", ""), {"plan.json", "'name'", "missing"}},
    {"no_methods", plan("methods", "[]"), {"plan.json", "methods", "found [], expected at least one method"}},
    {"models_text", plan("models", R"("stories260k")"), {"plan.json", "models", "a list of texts"}},
    {"model_unknown", plan("models", R"(["no-such-model"])"), {"plan.json", "models", "no-such-model"}},
    {"method_unknown", plan("methods", R"(["sfft"])"), {"plan.json", "methods", "sfft", "did you mean 'sft'"}},
    {"method_twice", plan("methods", R"(["sft", "sft"])"), {"plan.json", "sft", "twice"}},
    {"method_variant_twice",
     plan("methods", R"(["sft", {"method": "sft", "set": {"train.max_steps": 2}}])"),
     {"plan.json", "found 'sft' twice", "name"}},
    {"method_key",
     plan("methods", R"([{"method": "sft", "sets": {}}])"),
     {"plan.json", "methods", "unknown key 'sets'", "did you mean 'set'"}},
    {"method_tune_key",
     plan("methods", R"([{"method": "sft", "tunes": []}])"),
     {"plan.json", "entry 0: unknown key 'tunes'", "did you mean 'tune'"}},
    {"method_tune_values",
     plan("methods", R"([{"method": "sft", "tune": {"key": "train.max_steps", "vals": [1]}}])"),
     {"plan.json", "entry 0: key 'tune'", "key 'values' is missing", "found 'vals'"}},
    {"method_set_stage",
     plan("methods", R"([{"method": "sft", "set": {"adapt.r": 2}}])"),
     {"method 'sft'", "adapt", "stage of this recipe"}},
    {"set_of_no_method", plan("set", R"({"adapt.r": 4})"), {"set 'adapt.r'", "stage of the plan's methods"}},
    {"method_number", plan("methods", "[1]"), {"plan.json", "methods", "found 1"}},
    {"train_task_unknown", plan("train_on", R"(["gsm8"])"), {"plan.json", "train_on", "gsm8", "gsm8k"}},
    {"task_unknown", measured(R"({"tasks": ["mmul"]})"), {"plan.json", "measure_on 0", "mmul", "mmlu"}},
    {"measure_key", measured(R"({"tasks": ["mmlu"], "shot": 5})"), {"plan.json", "measure_on 0", "shot", "shots"}},
    {"measure_no_tasks", measured(R"({"shots": 5})"), {"plan.json", "measure_on 0", "'tasks'", "missing"}},
    {"measure_limit", measured(R"({"tasks": ["gsm8k"], "limit": -1})"), {"plan.json", "limit", "found -1"}},
    {"measure_shots",
     measured(R"({"tasks": ["gsm8k"], "shots": -2})"),
     {"plan.json", "shots", "found -2", "[-1, 1000]"}},
    {"measure_shots_half", measured(R"({"tasks": ["gsm8k"], "shots": 1.5})"), {"plan.json", "shots", "found 1.5"}},
    {"measure_huge", measured(R"({"tasks": ["gsm8k"], "shots": 99999999999999999999})"), {"plan.json", "shots"}},
    {"measure_mode", measured(R"({"tasks": ["gsm8k"], "mode": "strict"})"), {"plan.json", "mode", "strict", "compat"}},
    {"measure_chat", measured(R"({"tasks": ["gsm8k"], "chat": true})"), {"stories260k", "chat template"}},
    {"measure_filter",
     measured(R"({"tasks": ["gsm8k"], "filter": "("})"),
     {"plan.json", "measure_on 0", "filter", "'('"}},
    {"measure_filter_none", measured(R"({"tasks": ["gsm8k"], "filter": "zzz"})"), {"plan.json", "gsm8k", "zzz"}},
    {"measure_subject", measured(R"({"tasks": ["mmlu"], "subjects": ["anatomi"]})"), {"plan.json", "anatomi"}},
    {"metric_unknown",
     measured(R"({"tasks": ["gsm8k"], "metrics": ["kl_foward"]})"),
     {"plan.json", "measure_on 0", "metrics 0", "kl_foward", "did you mean 'kl_forward'"}},
    {"metric_key",
     measured(R"({"tasks": ["gsm8k"], "metrics": [{"use": "pass_at", "sample": 4}]})"),
     {"plan.json", "metrics 0", "unknown key 'sample'", "did you mean 'samples'"}},
    {"metric_k",
     measured(R"({"tasks": ["gsm8k"], "metrics": [{"use": "pass_at", "samples": 4, "k": [8]}]})"),
     {"plan.json", "metrics 0", "'k'", "found 8", "from 1 to 4"}},
    {"metric_number", measured(R"({"tasks": ["gsm8k"], "metrics": [3]})"), {"plan.json", "metrics 0", "found 3"}},
    {"metric_text", measured(R"({"tasks": ["gsm8k"], "metrics": "cut"})"), {"plan.json", "metrics", "list"}},
    {"metric_twice",
     measured(R"({"tasks": ["gsm8k"], "metrics": ["cut", "cut"]})"),
     {"plan.json", "metrics 1", "twice"}},
    {"metric_of_choices",
     measured(R"({"tasks": ["mmlu_virology"], "metrics": ["pass_at"]})"),
     {"plan.json", "measure_on 0", "pass_at", "mmlu_virology", "scores given texts"}},
    {"metric_fact",
     measured(R"({"tasks": ["micro-gsm8k"], "metrics": [{"use": "by", "fact": "levels"}]})"),
     {"plan.json", "measure_on 0", "levels", "did you mean 'level'"}},
    {"measure_empty", plan("measure_on", "[]"), {"plan.json", "measure_on", "found [], expected at least one task"}},
    {"no_seeds", plan("seeds", ""), {"plan.json", "seeds"}},
    {"seed_negative", plan("seeds", "[-1]"), {"plan.json", "seeds", "found -1"}},
    {"seed_half", plan("seeds", "[1.5]"), {"plan.json", "seeds", "found 1.5"}},
    {"seed_twice", plan("seeds", "[1, 1]"), {"plan.json", "seeds", "found 1"}},
    {"seed_text", plan("seeds", R"(["one"])"), {"plan.json", "seeds", "one"}},
    {"device", plan("device", R"("tpu")"), {"plan.json", "device", "tpu", "cuda"}},
    {"dtype", plan("dtype", R"("float8")"), {"plan.json", "dtype", "float8", "bfloat16"}},
    {"threads", plan("threads", "0"), {"plan.json", "threads", "found 0", "[1, 1024]"}},
    {"jobs_text", plan("jobs", R"("all")"), {"plan.json", "jobs", "all", "whole number"}},
    {"flag_text", plan("keep_models", R"("yes")"), {"plan.json", "keep_models", "yes", "true or false"}},
    {"set_shape", plan("set", R"({"learning_rate": 1})"), {"plan.json", "learning_rate", "STAGE.KEY"}},
    {"set_list", plan("set", "[]"), {"plan.json", "set", "object"}},
    {"set_stage", plan("set", R"({"trian.max_steps": 1})"), {"set 'trian.max_steps'", "train"}},
    {"set_unknown",
     plan("set", R"({"train.learning_rat": 1e-3})"),
     {"sft.json", "stage 1 (train)", "learning_rat", "learning_rate"}},
    {"set_type",
     plan("set", R"({"train.learning_rate": "fast"})"),
     {"plan.json", "sft.json", "learning_rate", "fast", "number"}},
    {"set_no_second_stage", plan("set", R"({"train#2.max_steps": 1})"), {"set 'train#2.max_steps'", "train"}},
    {"claim_arm",
     plan("claims", R"([{"text": "x", "arm": "lora2", "against": "base", "of": "drop", "expect": "lower"}])"),
     {"plan.json", "claims", "lora2"}},
    {"claim_task",
     plan("claims",
          R"([{"text": "x", "arm": "sft", "against": "base", "of": "score", "task": "mmli", "expect": "lower"}])"),
     {"plan.json", "claims", "mmli"}},
    {"claim_metric",
     plan("claims", R"([{"text": "x", "arm": "sft", "against": "base", "of": "score", "task": "gsm8k",
                         "metric": "acc,none", "expect": "higher"}])"),
     {"plan.json", "claims", "metric of 'gsm8k'", "acc,none", "exact_match,strict-match"}},
    {"claim_of",
     plan("claims", R"([{"text": "x", "arm": "sft", "against": "base", "of": "loss", "expect": "lower"}])"),
     {"plan.json", "claims 0", "loss", "drop"}},
    {"claim_kind",
     plan("claims",
          R"([{"kind": "trend", "text": "x", "arm": "sft", "against": "base", "of": "drop", "expect": "lower"}])"),
     {"plan.json", "claims 0", "kind", "trend", "monotone"}},
    {"claim_main_none",
     plan("claims", R"([{"text": "x", "arm": "sft", "against": "base", "of": "drop", "expect": "lower"},
                        {"text": "y", "arm": "sft", "against": "base", "of": "score", "expect": "higher"}])"),
     {"plan.json: key 'claims'", "no claim with \"main\": true among 2", "expected one"}},
    {"claim_main_twice",
     plan("claims",
          R"([{"main": true, "text": "x", "arm": "sft", "against": "base", "of": "drop", "expect": "lower"},
              {"main": true, "text": "y", "arm": "sft", "against": "base", "of": "score", "expect": "higher"}])"),
     {"plan.json: key 'claims'", "found 2 claims with \"main\": true"}},
    {"claim_weights",
     plan("claims", R"([{"text": "x", "weights": {"sft": 1, "base": -2}, "of": "drop", "expect": "lower"}])"),
     {"plan.json", "claims 0: key 'weights'", "a sum of -1", "expected 0"}},
    {"claim_weights_arm",
     plan("claims", R"([{"text": "x", "weights": {"sft": 1, "lora2": -1}, "of": "drop", "expect": "lower"}])"),
     {"plan.json", "claims", "lora2"}},
    {"claim_axis_task",
     plan("claims", R"([{"text": "x", "kind": "correlation", "x": {"of": "drop"},
                         "y": {"of": "score", "task": "mmli"}, "expect": "lower"}])"),
     {"plan.json", "claims", "mmli"}},
    {"claim_hopeless_rank",
     [](const fs::path& folder) {
       auto json = good_plan();
       json["methods"] = {"sft", "lora"};
       json["claims"] = Json::parse(R"([{"text": "x", "kind": "rank", "test": "mann_whitney", "arm": "lora",
                                         "against": "sft", "of": "score", "expect": "higher"}])");
       return plan_text(json.dump())(folder);
     },
     {"plan.json: key 'claims', entry 0", "the plan cannot show it", "the smallest p that such ranks can give is 1"}},
    {"tune_seeds_few",
     plan("tune", R"({"values": [1], "seeds": [9, 10], "measure_on": [{"tasks": ["gsm8k"]}]})"),
     {"plan.json: key 'tune': key 'seeds'", "found 2, expected at least 3"}},
    {"tune_seeds_shared",
     plan("tune", R"({"values": [1], "seeds": [9, 10, 1], "measure_on": [{"tasks": ["gsm8k"]}]})"),
     {"plan.json: key 'tune': key 'seeds'", "found 1, which the plan compares"}},
    {"tune_seeds_twice",
     plan("tune", R"({"values": [1], "seeds": [9, 10, 9], "measure_on": [{"tasks": ["gsm8k"]}]})"),
     {"plan.json: key 'tune': key 'seeds'", "found 9", "different"}},
    {"tune_grow",
     plan("tune", R"({"values": [1], "seed": 9, "grow": 17, "measure_on": [{"tasks": ["gsm8k"]}]})"),
     {"plan.json: key 'tune'", "grow", "found 17", "[0, 16]"}},
    {"tune_nothing",
     [](const fs::path& folder) {
       auto json = good_plan();
       json["methods"] = Json::parse(R"([{"method": "sft", "tune": false}])");
       json["tune"] = Json::parse(R"({"values": [1], "seed": 9, "measure_on": [{"tasks": ["gsm8k"]}]})");
       return plan_text(json.dump())(folder);
     },
     {"plan.json: key 'tune'", "every method says \"tune\": false"}},
    {"tune_seed",
     plan("tune", R"({"values": [1], "seed": 1, "measure_on": [{"tasks": ["gsm8k"]}]})"),
     {"plan.json", "tune", "seed", "found 1"}},
    {"tune_values",
     plan("tune", R"({"values": [], "seed": 9, "measure_on": [{"tasks": ["gsm8k"]}]})"),
     {"plan.json", "tune", "values", "list"}},
    {"tune_values_misspelt",
     plan("tune", R"({"vals": [1], "seed": 9, "measure_on": [{"tasks": ["gsm8k"]}]})"),
     {"plan.json", "key 'tune'", "key 'values' is missing", "found 'vals'"}},
    {"tune_value",
     plan("tune", R"({"values": [1], "value": [1], "seed": 9, "measure_on": [{"tasks": ["gsm8k"]}]})"),
     {"plan.json", "key 'tune'", "unknown key 'value'", "did you mean 'values'"}},
    {"about", dry(plan("about", R"("nosuch")")), {"plan.json: key 'about'", "unknown method 'nosuch'"}},
    {"tune_key",
     dry(plan("tune", R"({"key": "nosuch.x", "values": [1], "seed": 9, "measure_on": [{"tasks": ["gsm8k"]}]})")),
     {"plan.json: key 'tune'", "method 'sft at 1'", "nosuch"}},
    {"tune_value_type",
     dry(plan("tune", R"({"values": ["x"], "seed": 9, "measure_on": [{"tasks": ["gsm8k"]}]})")),
     {"plan.json: key 'tune'", "learning_rate", "found \"x\"", "number"}},
    {"tune_measure",
     dry(plan("tune", R"({"values": [1], "seed": 9, "measure_on": [{"tasks": ["gsm9k"]}]})")),
     {"plan.json: key 'tune': measure_on 0", "gsm9k", "gsm8k"}},
    {"pictures",
     dry(measured(R"({"tasks": ["maze-picture"], "limit": 2})")),
     {"plan.json: key 'models': 'stories260k'", "takes no pictures", "'maze-picture'"}},
    {"pictures_of_tuning",
     dry(plan("tune", R"({"values": [1], "seed": 9, "measure_on": [{"tasks": ["maze-picture"], "limit": 2}]})")),
     {"plan.json: key 'models': 'stories260k'", "takes no pictures", "'maze-picture'"}},
    {"dry_on_a_text",
     dry_on([](const fs::path& path) { put(path, std::string(5000, 'x')); }),
     {"r.sqlite", "not a SQLite database"}},
    {"dry_on_a_folder", dry_on([](const fs::path& path) { fs::create_directory(path); }), {"r.sqlite", "a folder"}},
    {"dry_without_folder",
     [](const fs::path& folder) {
       auto words = plan_text(good_plan().dump())(folder);
       words[3] = (folder / "none" / "r.sqlite").string();
       words.emplace_back("--dry-run");
       return words;
     },
     {"none/r.sqlite", "folder does not exist"}},
    {"memory", plan("jobs", "1024"), {"memory", "jobs"}},
    {"database_of_another_program",
     [](const fs::path& folder) {
       auto words = plan_text(good_plan().dump())(folder);
       put(folder / "r.sqlite", std::string(5000, 'x'));
       return words;
     },
     {"r.sqlite", "not a SQLite database"}},
};
TOUCHSTONE_BAD_INPUTS(Plan, plans);

const std::string long_number = "1" + std::string(400, '0');

const std::vector<BadInput> recipes = {
    {"missing",
     plain({"train", "no/recipe.json", "--model", "stories260k", "--on", "gsm8k", "--out", "/tmp/never"}),
     {"no/recipe.json"}},
    {"not_json", recipe("method: x"), {"recipe.json", "line 1"}},
    {"list", recipe("[]"), {"recipe.json", "expected an object"}},
    {"no_method", recipe(R"({"paper": "none", "stages": ["load"]})"), {"recipe.json", "'method'", "missing"}},
    {"unknown_key",
     recipe(R"({"method": "x", "paper": "n", "stagess": [], "stages": ["fold"]})"),
     {"recipe.json", "stagess"}},
    {"no_stages", recipe(R"({"method": "x", "paper": "none"})"), {"recipe.json", "stages"}},
    {"empty_stages", stages(""), {"recipe.json", "stages"}},
    {"unknown_stage", stages(R"({"use": "trian"})"), {"recipe.json", "stage 0", "trian", "did you mean 'train'"}},
    {"no_use", stages(R"({"on": "data"})"), {"recipe.json", "stage 0", "'use'"}},
    {"stage_number", stages("7"), {"recipe.json", "stage 0", "found 7"}},
    {"no_data", stages(R"({"use": "train", "objective": "sft"})"), {"recipe.json", "stage 0 (train)", "data"}},
    {"other_data", train_stage(R"("on": "dota")"), {"recipe.json", "stage 1 (train)", "dota"}},
    {"no_reference",
     stages(R"({"use": "load", "task": "gsm8k"}, {"use": "train", "objective": "asft"})"),
     {"recipe.json", "stage 1 (train)", "reference"}},
    {"fold_without_adapter", stages("\"fold\""), {"recipe.json", "stage 0 (fold)", "adapter"}},
    {"placeholder", stages(R"({"use": "load", "task": "$task"})"), {"recipe.json", "$task", "$train_on"}},
    {"unknown_task",
     stages(R"({"use": "load", "task": "gsm9k"})"),
     {"recipe.json", "stage 0 (load)", "gsm9k", "gsm8k"}},
    {"no_training_split",
     stages(R"({"use": "load", "task": "gsm8k", "split": "dev"}, {"use": "train", "objective": "sft"})"),
     {"recipe.json", "stage 0 (load)", "dev"}},
    {"unknown_objective",
     stages(R"({"use": "load", "task": "$train_on"}, {"use": "train", "objective": "sftt"})"),
     {"recipe.json", "stage 1 (train)", "sftt", "sft"}},
    {"objective_key",
     stages(R"({"use": "load", "task": "$train_on"}, {"use": "train", "objective": {"use": "sft", "beta": 1}})"),
     {"recipe.json", "objective", "beta"}},
    {"misspelt",
     train_stage(R"("learning_rte": 1)"),
     {"recipe.json", "stage 1 (train)", "learning_rte", "learning_rate"}},
    {"range", train_stage(R"("learning_rate": -1)"), {"recipe.json", "stage 1 (train)", "learning_rate", "found -1"}},
    {"infinite", train_stage("\"learning_rate\": " + long_number), {"recipe.json", "line 1"}},
    {"scheduler",
     train_stage(R"("lr_scheduler_type": "cosin")"),
     {"recipe.json", "lr_scheduler_type", "cosin", "cosine"}},
    {"batch",
     train_stage(R"("per_device_train_batch_size": 0)"),
     {"recipe.json", "per_device_train_batch_size", "found 0"}},
    {"max_length", train_stage(R"("max_length": 1)"), {"stage 1 (train)", "max_length, 1", "200 rows"}},
    {"beta", train_stage(R"("adam_beta1": 1)"), {"recipe.json", "adam_beta1", "found 1"}},
    {"normaliser", train_stage(R"("loss_normaliser": "mean")"), {"recipe.json", "loss_normaliser", "token_mean"}},
    {"rank", stages(R"({"use": "adapt", "r": 0})"), {"recipe.json", "stage 0 (adapt)", "'r'", "found 0"}},
    {"share",
     stages(R"({"use": "load", "task": "$train_on"}, {"use": "mix", "tasks": ["mmlu"], "share": 1.5})"),
     {"recipe.json", "stage 1 (mix)", "share", "1.5"}},
    {"target",
     stages(
         R"({"use": "load", "task": "$train_on"}, {"use": "adapt", "target_modules": ["q_porj"]}, {"use": "train", "objective": "sft"})"),
     {"q_porj", "q_proj", "stage 1 (adapt)"}},
    {"rows_missing",
     stages(R"({"use": "import_rows", "file": "no/rows.jsonl"}, {"use": "train", "objective": "sft"})"),
     {"no/rows.jsonl", "stage 0 (import_rows)"}},
    {"rows_broken", imported("{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": "), {"rows.jsonl", "line 2"}},
    {"rows_none", imported("\n"), {"rows.jsonl"}},
    {"rows_ids", imported(R"({"input_ids": [1, 99999], "prompt_tokens": 1})"), {"99999", "512"}},
};
TOUCHSTONE_BAD_INPUTS(Recipe, recipes);

}  // namespace
}  // namespace touchstone::testing
