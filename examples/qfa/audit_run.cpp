// SPDX-License-Identifier: Apache-2.0
#include "audit_run.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "progress_line.hpp"
#include "qfa/audit/model_audit.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/io/checksum.hpp"
#include "qfa/io/json.hpp"
#include "qfa/model/load.hpp"
#include "qfa/sae/load.hpp"

namespace qfa_program {
namespace {

/// Rows for matching pruning: no more than these, and at most an eighth of the file where it has none to spare.
constexpr std::size_t most_matching_rows = 64;

struct split_tokens {
  qfa::token_rows reported, matching;
};

/// The reported rows, and other rows for matching: those behind the reported ones, or else the last of them, which are
/// then not reported.
split_tokens split(qfa::token_rows all, std::size_t max_tokens, bool needs_matching) {
  std::size_t reported = all.rows();
  if (max_tokens > 0) reported = std::min(reported, max_tokens / all.context);
  if (reported == 0)
    qfa::fail("--max-tokens " + std::to_string(max_tokens) + " leaves fewer tokens than one context of " +
              std::to_string(all.context));
  if (!needs_matching && reported == all.rows()) return {std::move(all), {}};
  std::size_t matching = std::min(most_matching_rows, all.rows() - reported);
  if (needs_matching && matching == 0) {
    matching = std::min(most_matching_rows, all.rows() / 8);
    if (matching == 0)
      qfa::fail("matching pruning needs rows that are not reported: " + std::to_string(all.rows()) +
                " rows are too few to spare an eighth of them");
    reported -= matching;
  }
  split_tokens out{qfa::rows_of(all, 0, reported), qfa::rows_of(all, reported, matching)};
  out.reported.dropped = all.dropped;
  out.reported.bos_added = std::min(all.bos_added, reported);
  return out;
}

/// Whether the model wants BOS before a text: what tokenizer_config.json says, or its family.
bool expects_bos(const std::filesystem::path& directory, const qfa::model_config& config) {
  if (config.family == qfa::model_family::gemma2) return true;
  const auto file = directory / "tokenizer_config.json";
  if (!std::filesystem::exists(file)) return false;
  const qfa::json tokenizer = qfa::read_json(file);
  return tokenizer.is_object() && tokenizer.contains("add_bos_token") && tokenizer["add_bos_token"] == true;
}

/// The weights' type as config.json names it (transformers 5 writes `dtype`).
std::string stored_dtype(const std::filesystem::path& directory) {
  const qfa::json config = qfa::read_json(directory / "config.json");
  for (const char* key : {"dtype", "torch_dtype"})
    if (config.contains(key) && config[key].is_string())
      return config[key].get<std::string>() + ", computed in float32";
  return "computed in float32";
}

/// A name of its own for each condition: a policy that is given twice would otherwise be told apart by nothing.
std::vector<qfa::any_policy> parse_policies(const std::vector<std::string>& specs) {
  std::vector<qfa::any_policy> policies;
  for (const std::string& spec : specs) {
    policies.push_back(qfa::parse_policy(spec));
    for (std::size_t i = 0; i + 1 < policies.size(); ++i)
      if (policies[i].name() == policies.back().name())
        qfa::fail("the policy " + policies[i].name() + " is given twice");
  }
  return policies;
}

}  // namespace

void add_inputs(qfa::audit_protocol& made, const std::filesystem::path& path) {
  std::vector<std::filesystem::path> files{path};
  if (std::filesystem::is_directory(path)) {
    files.clear();
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      const auto kind = entry.path().extension();
      if (entry.is_regular_file() && (kind == ".json" || kind == ".safetensors" || kind == ".npz"))
        files.push_back(entry);
    }
    std::sort(files.begin(), files.end());  // whatever order the file system lists them in
  }
  for (const auto& file : files)
    made.inputs.push_back({file.string(), std::filesystem::file_size(file), qfa::crc32_of_file(file)});
}

qfa::audit_result run_on_model(const audit_arguments& arguments) {
  if (arguments.tokens.empty()) qfa::fail("--model needs --tokens FILE");
  if (arguments.policies.empty() && arguments.match.empty())
    qfa::fail("an audit needs at least one --policy, for instance --policy rtn:bits=4");
  std::vector<std::string> specs = arguments.policies;
  const auto policies = parse_policies(specs);
  const auto matched = parse_policies(arguments.match);
  const qfa::audit_options options = arguments.options();

  qfa::sae dictionary = qfa::load_sae(arguments.sae);
  const qfa::audit_settings settings = qfa::settle(options, dictionary.metadata);
  qfa::language_model model = qfa::load_model(arguments.model);
  const bool wants_bos = expects_bos(arguments.model, model.config);
  const bool in_nats = !matched.empty() && !options.rules.guarded_r;
  split_tokens tokens = split(qfa::read_tokens(arguments.tokens, qfa::tokens_for(settings, model.config, 0)),
                              arguments.max_tokens, in_nats);
  qfa::audit_protocol made;
  for (const std::string& input : {arguments.model, arguments.sae, arguments.tokens})
    add_inputs(made, input);
  made.targets = arguments.targets.name();
  made.model_dtype = stored_dtype(arguments.model);

  qfa::model_audit audit(std::move(model), std::move(dictionary), tokens.reported, settings, options, progress_line());
  if (const auto warning = qfa::missing_bos_warning(audit.reference(), audit.tokens(), wants_bos))
    made.warnings.push_back(*warning);
  for (const qfa::any_policy& policy : policies)
    audit.run(policy, arguments.targets);
  for (const qfa::any_policy& policy : matched) {
    const bool known = std::any_of(audit.conditions().begin(), audit.conditions().end(),
                                   [&](const auto& c) { return c.policy == policy.name(); });
    if (!known) audit.run(policy, arguments.targets);
    if (in_nats)
      audit.match_pruning_in_nats(policy, policy.name(), tokens.matching, arguments.match_tolerance, arguments.targets);
    else
      audit.match_pruning_as_published(policy.name(), arguments.targets);
  }
  return audit.result(std::move(made));
}

}  // namespace qfa_program
