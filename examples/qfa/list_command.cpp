// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <string>
#include <vector>

#include "commands.hpp"
#include "qfa/cache/spec.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/model/hooks.hpp"

namespace qfa_program {
namespace {

template <class Entry>
void list_entries(const std::vector<Entry>& entries) {
  for (const Entry& entry : entries) {
    std::cout << "\n" << entry.name << "\n    " << entry.summary << "\n";
    for (const qfa::option_help& option : entry.options)
      std::cout << "    " << option.key << "=" << (option.required ? "(required)" : option.default_value) << "  "
                << option.takes << "; " << option.help << "\n";
  }
}

void list_policies() {
  std::cout << "A policy is NAME or NAME:KEY=VALUE,...; A+B applies A, then B.\n";
  list_entries(qfa::registered_policies());
}

void list_caches() {
  std::cout
      << "A cache is NAME or NAME:KEY=VALUE,...; A+B applies A, then B.  A plan is a cache for all layers, and others\n"
         "for some: CACHE;LAYERS=CACHE;..., with LAYERS as 0 or 2|5-7.\n";
  list_entries(qfa::default_cache_catalogue().entries());
}

void list_hooks() {
  std::cout << "blocks.L.NAME, with L the layer from 0 and NAME one of\n";
  for (const auto name : qfa::hook_kind_names)
    std::cout << "  " << name << "\n";
}

void list_models() {
  std::cout
      << "Hugging Face directories (config.json, safetensors as floats or packed by compressed-tensors, GPTQ or AWQ)\n"
         "and GGUF files of\n";
  for (const auto name : qfa::model_architecture_names)
    std::cout << "  " << name << "\n";
}

}  // namespace

void add_list(CLI::App& app) {
  CLI::App* list = app.add_subcommand("list", "what can be written in the options of the other commands");
  list->require_subcommand(1);
  list->add_subcommand("policies", "names, keys and defaults of compression policies")->callback(list_policies);
  list->add_subcommand("caches", "names, keys and defaults of KV caches")->callback(list_caches);
  list->add_subcommand("hooks", "where activations can be read")->callback(list_hooks);
  list->add_subcommand("models", "which models can be run")->callback(list_models);
}

}  // namespace qfa_program
