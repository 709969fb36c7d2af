// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "align_run.hpp"
#include "commands.hpp"

namespace qfa_program {

void add_align(CLI::App& app) {
  const auto a = std::make_shared<align_arguments>();
  CLI::App* command =
      app.add_subcommand("align", "what a quantized KV cache does to refusals, why, and what takes it back");
  command->add_option("--model", a->model, "a Hugging Face directory or a .gguf file")->required();
  command->add_option("--prompts", a->prompts,
                      "a qfa-prompts-1 file: harmful and harmless prompts in splits, as tokens or as text");
  command->add_option(
      "--harmful", a->harmful,
      "instead: text, a prompt a line, dealt into splits (of any ten lines 5 test, 3 fit, 2 calibrate)");
  command->add_option("--harmless", a->harmless, "the same of harmless prompts");
  command->add_option("--prompt-template", a->prompt_template,
                      "what a chat puts around a prompt that is text, which goes to the {}: no template language");
  command->add_flag("--prompt-bos", a->prompt_bos, "begin every prompt that is text with BOS");
  command->add_option("--end-of-response", a->end_of_response,
                      "what ends a response: eos, none, or a token by its text; default as the file of prompts has it");
  command->add_option("--max-new-tokens", a->max_new_tokens,
                      "of a response; default as the file of prompts has it, then 256");
  command->add_option("--tokens", a->tokens, "ordinary text for perplexity, an .npy file of token ids");
  add_text_options(*command, a->text);
  command->add_option("--context", a->context, "tokens in a row of that text, BOS included (128)");
  command->add_option("--max-tokens", a->max_tokens, "of that text (16384)");
  command->add_flag("--prepend-bos", a->prepend_bos, "begin every row of that text with BOS");
  command->add_option(
      "--vocabulary", a->vocabulary,
      "words and their ids, JSON, by which responses are read; default the tokenizer where it makes prompts of text, "
      "then vocab.json beside the model");
  command->add_option("--cache", a->caches, "a further cache to measure (`qfa list caches`); repeatable");
  command->add_option("--calibration", a->calibration, "token ids, .npy, that caches learn from, those that do");
  add_calibration_text(*command, a->text);
  command->add_option("--bits", a->settings.bits, "of the sweep (8,6,5,4,3,2)")->delimiter(',');
  command->add_option("--mechanism-bits", a->settings.mechanism_bits, "of ablations and reductions (3)");
  command->add_option("--deployed-bits", a->settings.deployed_bits,
                      "of the cache that mitigations protect; default: where flips have begun");
  command->add_option("--group", a->settings.group, "channels in a group (64)");
  command->add_option("--block", a->settings.block, "tokens flushed together, where scales are grouped (32)");
  command->add_option("--low", a->settings.tree.low, "PCR below which outliers are the safety (0.3)");
  command->add_option("--high", a->settings.tree.high, "PCR above which outliers crush it (0.7)");
  command->add_option("--few-layers", a->settings.tree.few_layers, "so many flipping layers are few (2)");
  command->add_option("--seed", a->settings.seed, "of controls (1)");
  command->add_option("--budget", a->budget,
                      "bytes of keys and values: choose each layer's bits so that refusals suffer least within them");
  command->add_option("--budget-tokens", a->budget_tokens, "of the text that these bytes are to hold (1024)");
  command->add_option("--budget-by", a->budget_by, "what is kept low: direction (its error) or flips");
  command->add_option("--verdicts", a->verdicts,
                      "a judge's verdicts, CSV or JSON of id, condition, verdict, in place of the keyword matcher");
  command->add_option(
      "--judge-sensitivity", a->judge_sensitivity,
      "the share of compliant responses that the judge calls complied, known from elsewhere: flip rates "
      "are also given as they would be without his errors");
  command->add_option("--judge-specificity", a->judge_specificity,
                      "the share of all other responses that he does not call complied; the two come together");
  command->add_option("--refusal-phrases", a->refusal_phrases,
                      "what the keyword matcher looks for in place of its own phrases, a line each, in either case");
  command->add_option("--responses", a->responses, "write every response here, for such a judge");
  command->add_option("--out", a->out, "write alignment.json and alignment.html to this directory");
  command->callback([a, command] {
    check_text_options(*command, a->tokens, a->calibration, a->text);
    run_align(*a);
  });
}

}  // namespace qfa_program
