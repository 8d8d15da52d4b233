#include <array>

#include "harness/base/text.hpp"
#include "tasks/parts/gsm8k_form.hpp"
#include "tasks/parts/rows.hpp"

namespace touchstone {
namespace {

constexpr const char* gsm8k_source =
    "Training Verifiers to Solve Math Word Problems, arXiv 2110.14168; openai/grade-school-math";

/// Eight questions with worked answers. Source: Wei et al., Chain-of-Thought Prompting, arXiv 2201.11903, appendix G.
struct Shot {
  const char* question;
  const char* reasoning;
  const char* answer;
};
constexpr std::array<Shot, 8> shot_texts = {{
    {"There are 15 trees in the grove. Grove workers will plant trees in the grove today. After they are done, there "
     "will be 21 trees. How many trees did the grove workers plant today?",
     "There are 15 trees originally. Then there were 21 trees after some more were planted. So there must have been "
     "21 - 15 = 6.",
     "6"},
    {"If there are 3 cars in the parking lot and 2 more cars arrive, how many cars are in the parking lot?",
     "There are originally 3 cars. 2 more cars arrive. 3 + 2 = 5.", "5"},
    {"Leah had 32 chocolates and her sister had 42. If they ate 35, how many pieces do they have left in total?",
     "Originally, Leah had 32 chocolates. Her sister had 42. So in total they had 32 + 42 = 74. After eating 35, they "
     "had 74 - 35 = 39.",
     "39"},
    {"Jason had 20 lollipops. He gave Denny some lollipops. Now Jason has 12 lollipops. How many lollipops did Jason "
     "give to Denny?",
     "Jason started with 20 lollipops. Then he had 12 after giving some to Denny. So he gave Denny 20 - 12 = 8.", "8"},
    {"Shawn has five toys. For Christmas, he got two toys each from his mom and dad. How many toys does he have now?",
     "Shawn started with 5 toys. If he got 2 toys each from his mom and dad, then that is 4 more toys. 5 + 4 = 9.",
     "9"},
    {"There were nine computers in the server room. Five more computers were installed each day, from monday to "
     "thursday. How many computers are now in the server room?",
     "There were originally 9 computers. For each of 4 days, 5 more computers were added. So 5 * 4 = 20 computers were "
     "added. 9 + 20 is 29.",
     "29"},
    {"Michael had 58 golf balls. On tuesday, he lost 23 golf balls. On wednesday, he lost 2 more. How many golf balls "
     "did he have at the end of wednesday?",
     "Michael started with 58 golf balls. After losing 23 on tuesday, he had 58 - 23 = 35. After losing 2 more, he had "
     "35 - 2 = 33 golf balls.",
     "33"},
    {"Olivia has $23. She bought five bagels for $3 each. How much money does she have left?",
     "Olivia had 23 dollars. 5 bagels for 3 dollars each will be 5 x 3 = 15 dollars. So she has 23 - 15 dollars left. "
     "23 - 15 is 8.",
     "8"},
}};

std::vector<DataFile> gsm8k_files() {
  const auto file = [](Split split, const char* sha256) {
    const std::string name = split_name(split);
    return DataFile{.split = split,
                    .paths = {"gsm8k/" + name + ".jsonl", "gsm8k/" + name + ".jsonl.gz",
                              "grade_school_math/data/" + name + ".jsonl"},
                    .sha256 = sha256,
                    .licence = "MIT",
                    .origin = "openai/grade-school-math, grade_school_math/data/" + name + ".jsonl"};
  };
  return {file(Split::test, "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14"),
          file(Split::train, "17f347dc51477c50d4efb83959dbb7c56297aba886e5544ee2aaed3024813465")};
}

std::vector<Example> load_gsm8k(const Gsm8kForm& form, Split split, const DataFolders& folders) {
  std::vector<Example> examples;
  for (const auto& row : read_rows(folders.find(form.name, file_of(form.name, gsm8k_files(), split)))) {
    const auto id = form.name + "/" + split_name(split) + "/" + std::to_string(examples.size());
    examples.push_back(gsm8k_example(form, row, id));
  }
  return examples;
}

std::vector<Example> fixed_shots(const Gsm8kForm& form) {
  std::vector<Example> examples;
  for (const auto& shot : shot_texts) {
    Example example;
    example.id = form.name + "/shot/" + std::to_string(examples.size());
    example.question = form.before + shot.question + form.after;
    example.targets = {std::string(shot.reasoning) + " " + replace_all(form.conclusion, "N", shot.answer)};
    examples.push_back(std::move(example));
  }
  return examples;
}

void add_gsm8k(TaskBook& book, const Gsm8kForm& form) {
  Task task = gsm8k_task(form);
  task.family = "gsm8k";
  task.source = gsm8k_source;
  if (!form.conclusion.empty()) {
    task.format.sampler = PromptFormat::Sampler::first_n;
    task.format.shot_examples = fixed_shots(form);
  }
  task.files = gsm8k_files();
  task.load = [form](Split split, const DataFolders& folders) { return load_gsm8k(form, split, folders); };
  book.tasks.add(form.name, std::move(task));
}

}  // namespace

namespace plugins {

void gsm8k(TaskBook& book) {
  const std::vector<std::string> stops = {"Q:", "</s>", "<|im_end|>"};
  const std::string answer_is = R"(The answer is (\-?[0-9\.\,]+))";
  add_gsm8k(book, gsm8k_form("gsm8k", "grade-school word problems, 5 worked examples", "3.0"));
  add_gsm8k(book, {.name = "gsm8k_cot",
                   .summary = "grade-school word problems, 8 fixed chains of thought",
                   .version = "3.0",
                   .before = "Q: ",
                   .after = "\nA:",
                   .until = stops,
                   .strict = answer_is + ".",
                   .strict_fixed = answer_is,
                   .whole_target = false,
                   .shots = 8,
                   .conclusion = "The answer is N."});
  add_gsm8k(book, {.name = "gsm8k_cot_zeroshot",
                   .summary = "grade-school word problems, step by step without examples",
                   .version = "3.0",
                   .before = "Q: ",
                   .after = "\nA: Let's think step by step.",
                   .until = stops,
                   .strict = answer_is + ".",
                   .strict_fixed = answer_is,
                   .shots_fixed = true,
                   .conclusion = {}});
  const std::string final_answer = "The final answer is (" + std::string(gsm8k_number) + ")";
  add_gsm8k(book,
            {.name = "gsm8k_cot_llama",
             .summary = "grade-school word problems as Llama 3's own evaluation asks them",
             .version = "4.0",
             .before = "Given the following problem, reason and give a final answer to the problem.\nProblem: ",
             .after = "\nYour response should end with \"The final answer is [answer]\" where [answer] is the response "
                      "to the problem.\n",
             .until = {"<|eot_id|>", "<|start_header_id|>user<|end_header_id|>", "Q:", "</s>", "<|im_end|>"},
             .strict = final_answer,
             .strict_fixed = final_answer,
             .strict_pick = Pick::last,
             .whole_target = false,
             .shots = 8,
             .conclusion = "The final answer is N",
             .target_delimiter = ""});
}

}  // namespace plugins
}  // namespace touchstone
