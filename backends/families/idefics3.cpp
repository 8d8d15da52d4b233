#include "backends/decoders/decoder_config.hpp"
#include "backends/decoders/vision_language.hpp"
#include "harness/base/json.hpp"

namespace touchstone {
namespace plugins {
void llama(FamilyBook& book);  // the language part
}
namespace {

/// "Building and better understanding vision-language models", arXiv:2408.12637, and "SmolVLM", arXiv:2504.05299, in
/// the layout of transformers' Idefics3ForConditionalGeneration: a SigLIP encoder, a pixel shuffle, a Llama decoder.
std::unique_ptr<Model> build_idefics3(const Json& config, const std::string& where, const Weights& weights,
                                      const LoadSettings& settings) {
  const ConfigReader reader(config, where);
  const auto kind = reader.child("text_config").text("model_type", "llama");
  if (kind != "llama") reader.refuse("key 'text_config.model_type': found '" + kind + "', expected llama");
  Eyes eyes;
  eyes.shape = read_vision_shape(reader.child("vision_config"));
  eyes.shuffle = reader.integer("scale_factor", 1, 64, 2);
  if (eyes.shape.image_px / eyes.shape.patch_px % eyes.shuffle != 0) {
    reader.refuse("key 'scale_factor': found " + std::to_string(eyes.shuffle) + ", expected a divisor of the " +
                  std::to_string(eyes.shape.image_px / eyes.shape.patch_px) +
                  " patches on a side of a picture (image_size / patch_size)");
  }
  // The key for a tied head is in the whole model's config.
  auto text = config.contains("text_config") ? config["text_config"] : Json::object();
  text["tie_word_embeddings"] = reader.flag("tie_word_embeddings", false);
  FamilyBook decoders{"family"};
  plugins::llama(decoders);
  const auto& language = decoders.get("llama");
  return build_vision_language(std::move(eyes), weights, settings, config.dump(), [&](const Weights& text_weights) {
    return language.build(text, where + ": text_config", text_weights, settings);
  });
}

/// The text of a picture, as in transformers' Idefics3Processor and SmolVLMProcessor.
std::string write_picture(int rows, int columns, std::int64_t tokens) {
  std::string marks;
  for (std::int64_t at = 0; at < tokens; ++at) marks += "<image>";
  const std::string border = "<fake_token_around_image>";
  std::string text;
  for (int row = 1; row <= rows; ++row) {
    for (int column = 1; column <= columns; ++column) {
      text += border + "<row_" + std::to_string(row) + "_col_" + std::to_string(column) + ">" + marks;
    }
    text += "\n";
  }
  if (rows > 0) text += "\n";
  return text + border + "<global-img>" + marks + border;
}

/// preprocessor_config.json and processor_config.json as transformers writes them, for pictures of one tile: the side
/// that the encoder's positions are for, SigLIP's normalisation.
std::map<std::string, std::string> picture_files(const Json& config) {
  const ConfigReader reader(config, "config.json");
  const auto shape = read_vision_shape(reader.child("vision_config"));
  const auto side_px = shape.image_px;
  const auto side = side_px / shape.patch_px / reader.integer("scale_factor", 1, 64, 2);
  const Json half = Json::array({0.5, 0.5, 0.5});
  const Json rules = {{"do_convert_rgb", true},
                      {"do_image_splitting", false},
                      {"do_normalize", true},
                      {"do_pad", true},
                      {"do_rescale", true},
                      {"do_resize", true},
                      {"image_mean", half},
                      {"image_processor_type", "Idefics3ImageProcessor"},
                      {"image_std", half},
                      {"max_image_size", {{"longest_edge", side_px}}},
                      {"processor_class", "Idefics3Processor"},
                      {"resample", 1},
                      {"rescale_factor", 1.0 / 255.0},
                      {"size", {{"longest_edge", side_px}}}};
  const Json processor = {{"image_seq_len", side * side}, {"processor_class", "Idefics3Processor"}};
  return {{"preprocessor_config.json", rules.dump(2) + "\n"}, {"processor_config.json", processor.dump(2) + "\n"}};
}

}  // namespace

namespace plugins {
void idefics3(FamilyBook& book) {
  book.add("idefics3",
           {.name = "idefics3",
            .summary = "Idefics3 and SmolVLM: pictures and text, a SigLIP encoder before a Llama decoder",
            .architectures = {"Idefics3ForConditionalGeneration", "SmolVLMForConditionalGeneration"},
            .build = build_idefics3,
            .media = {{MediaKind::picture,
                       {.mark = "<image>",
                        .write = write_picture,
                        .tokens = {"<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>"},
                        .files = picture_files}}}});
}
}  // namespace plugins
}  // namespace touchstone
