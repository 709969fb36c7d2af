// SPDX-License-Identifier: Apache-2.0
#include "audit_run.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "argument_words.hpp"
#include "progress_line.hpp"
#include "qfa/audit/audit_parts.hpp"
#include "qfa/audit/audited_model.hpp"
#include "qfa/audit/conclude.hpp"
#include "qfa/audit/ladder.hpp"
#include "qfa/audit/long_groups.hpp"
#include "qfa/audit/model_audit.hpp"
#include "qfa/audit/model_pass.hpp"
#include "qfa/audit/team_share.hpp"
#include "qfa/cache/plan_spec.hpp"
#include "qfa/compress/magnitude_pruner.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/compress/spec_text.hpp"
#include "qfa/controls/run_controls.hpp"
#include "qfa/io/checksum.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/npy.hpp"
#include "qfa/io/sharded_gguf.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/open_model.hpp"
#include "qfa/model/processing.hpp"
#include "qfa/model/tokenizer_files.hpp"
#include "qfa/sae/load.hpp"
#include "qfa/steering/run_patching.hpp"
#include "qfa/steering/run_steering.hpp"
#include "ranks.hpp"

namespace qfa_program {
namespace {

/// Rows for matching pruning: no more than these, and at most an eighth of the file where it has none to spare.
constexpr std::size_t most_matching_rows = 64;

/// A cache by itself, or beside a weight policy.
struct cached_condition {
  std::string name;
  std::optional<qfa::any_policy> weights;
  qfa::cache_use cache;
};

/// What --cache asks for, and --policy "POLICY & PLAN".
std::vector<cached_condition> cached_conditions(const audit_arguments& arguments, const std::vector<std::string>& both,
                                                std::size_t layers) {
  const qfa::cache_schedule calls{.prefill = arguments.cache_prefill, .step = arguments.cache_step};
  std::vector<cached_condition> out;
  const auto add = [&](std::optional<qfa::any_policy> weights, std::string_view plan) {
    qfa::cache_use cache{qfa::parse_cache_plan(plan, layers), calls};
    std::string name = (weights ? weights->name() + " & " : "") + cache.plan.name();
    for (const cached_condition& other : out)
      if (other.name == name) qfa::fail("the condition " + name + " is given twice");
    out.push_back({std::move(name), std::move(weights), std::move(cache)});
  };
  for (const std::string& plan : arguments.caches)
    add(std::nullopt, plan);
  for (const std::string& spec : both) {
    const auto parts = qfa::split_outside_parentheses(spec, '&');
    if (parts.size() != 2)
      qfa::fail("--policy takes one policy and one cache, \"POLICY & PLAN\", not \"" + spec + "\"");
    add(qfa::parse_policy(parts[0]), parts[1]);
  }
  return out;
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

/// The models that were compressed elsewhere.  Whatever can be seen to be wrong with them without reading them is
/// refused now, and not after the reference has run: a path that holds no model, a name that is taken.
std::vector<named_path> read_against(const audit_arguments& arguments, const std::vector<qfa::any_policy>& policies,
                                     const std::vector<qfa::any_policy>& matched) {
  std::vector<std::string> taken{"reference"};
  for (const auto* list : {&policies, &matched})
    for (const qfa::any_policy& policy : *list)
      if (list == &policies || std::ranges::find(taken, policy.name()) == taken.end()) {
        qfa::check_condition_name(policy.name(), taken);
        taken.push_back(policy.name());
      }
  std::vector<named_path> out;
  for (const std::string& argument : arguments.against) {
    out.push_back(name_and_path(argument));
    qfa::check_condition_name(out.back().name, taken);
    taken.push_back(out.back().name);
    qfa::check_model_path(out.back().path);
  }
  return out;
}

/// What a checkpoint must agree with that the library cannot know: conditions to come, and what they are made from.
qfa::audit_parts parts_of(const audit_arguments& arguments, const split_tokens& tokens,
                          const qfa::token_rows& calibration, const std::vector<qfa::any_policy>& policies,
                          const std::vector<cached_condition>& cached, const std::vector<qfa::any_policy>& matched,
                          const std::vector<qfa::input_file>& against) {
  const auto names = [](const std::vector<qfa::any_policy>& list) {
    std::string out;
    for (const qfa::any_policy& policy : list)
      out += (out.empty() ? "" : " ") + policy.name();
    return out.empty() ? "none" : out;
  };
  std::string checksums, models;
  for (const qfa::input_file& file : against)
    checksums += (checksums.empty() ? "" : " ") + file.checksum;
  for (const std::string& argument : arguments.against)
    models += (models.empty() ? "" : " ") + argument;
  std::string caches;
  for (const cached_condition& c : cached)
    caches += (caches.empty() ? "" : " ") + c.name;
  return {{"the list of policies", names(policies)},
          {"the list of caches", caches.empty() ? "none" : caches},
          {"the calls by which rows come", arguments.cache_prefill ? std::to_string(*arguments.cache_prefill) + "+" +
                                                                         std::to_string(arguments.cache_step)
                                                                   : "+" + std::to_string(arguments.cache_step)},
          {"the list of policies that pruning is matched to", names(matched)},
          {"the list of models compressed elsewhere", models.empty() ? "none" : models},
          {"the list of those models' checksums", checksums.empty() ? "none" : checksums},
          {"the choice of tensors", arguments.targets.name()},
          {"the protocol", arguments.protocol},
          {"the tolerance of matching", std::to_string(arguments.match_tolerance)},
          {"the checksum of rows for matching", qfa::checksum_of(tokens.matching)},
          {"the checksum of rows for calibration", qfa::checksum_of(calibration)}};
}

/// The controls of the weight policies, on the first of the reported rows, with a checkpoint of their own.  `with` has
/// the audit's b* among its options.
qfa::control_findings controls_of(const audit_arguments& arguments, const qfa::token_rows& reported,
                                  qfa::control_material with) {
  if (!with.options.checkpoint.directory.empty()) with.options.checkpoint.directory = arguments.control_checkpoint();
  with.options.checkpoint.made_of.emplace_back("the number of seeds", std::to_string(arguments.control.seeds));
  qfa::choose_control_rows(with, reported, arguments.control);
  return qfa::run_controls(with, arguments.control);
}

/// The directions of --steering-vector, as wide as the hook.
std::vector<qfa::named_vector> read_directions(const audit_arguments& arguments, std::size_t width) {
  std::vector<qfa::named_vector> out;
  for (const std::string& argument : arguments.steering_vectors) {
    const named_path file = name_and_path(argument);
    const qfa::npy_array array = qfa::read_npy(file.path);
    if (array.size() != width)
      qfa::fail("\"" + file.path + "\" holds " + std::to_string(array.size()) + " numbers, expected a direction of " +
                std::to_string(width) + ", as wide as the hook");
    std::vector<float> values(width);
    qfa::to_floats(array.type, array.data, values);
    if (!std::ranges::all_of(values, [](float v) { return std::isfinite(v); }))
      qfa::fail("\"" + file.path + "\" holds an infinity or a NaN, expected a direction of finite numbers");
    out.push_back({file.name, std::move(values)});
  }
  return out;
}

/// The document of each row of --tokens, numbered from 0 in the order in which they come.
std::vector<std::uint32_t> read_row_documents(const audit_arguments& arguments, std::size_t rows) {
  const std::string& path = arguments.row_documents;
  if (arguments.tokens.empty())
    qfa::fail("--row-documents says which rows of --tokens begin a document, and --text knows that by itself");
  const qfa::npy_array array = qfa::read_npy(path);
  if (!qfa::is_integer(array.type) || array.size() != rows)
    qfa::fail("\"" + path + "\" holds " + std::to_string(array.size()) + " values of the type " +
              std::string(qfa::name(array.type)) + ", expected an integer for each of the " + std::to_string(rows) +
              " rows of \"" + arguments.tokens + "\"");
  const std::vector<std::int64_t> numbers = qfa::as_integers(array);
  std::vector<std::uint32_t> out;
  for (std::size_t row = 0; row < rows; ++row)
    out.push_back(row == 0 ? 0 : out.back() + (numbers[row] != numbers[row - 1]));
  return out;
}

/// Refuses steering and patching where nothing could be said, before anything is run: `nothing_to_edit` where no
/// condition is a model of its own, without a cache, that was asked for; rungs of a ladder alone are not.
void check_steering(const audit_arguments& arguments, const qfa::token_rows& reported, std::size_t skip_positions,
                    bool nothing_to_edit) {
  if (!arguments.steering && !arguments.patching) return;
  if (nothing_to_edit)
    qfa::fail("--steering and --patching need a condition without a cache, for instance --policy rtn:bits=4");
  if (arguments.steering) (void)qfa::choose_steered_rows(reported, arguments.steer, skip_positions, 1);
  if (arguments.patching) (void)qfa::choose_patched_rows(reported, arguments.patch);
}

/// Steers and patches an audit's models, which are made once more for it; of those with caches there are notes.
void go_back_to_models(finished_audit& out, const audit_arguments& arguments, const qfa::language_model& model,
                       const qfa::sae& dictionary, const split_tokens& tokens, const qfa::token_rows& calibration,
                       const qfa::audit_settings& settings, const std::vector<qfa::any_policy>& policies,
                       const std::vector<named_path>& against, const std::vector<cached_condition>& cached,
                       std::vector<qfa::named_vector> directions) {
  qfa::audited_model models(model, dictionary, settings, arguments.fused, progress_line());
  models.calibrate_on(calibration);
  std::vector<qfa::compression_recipe> recipes;
  for (const qfa::any_policy& policy : policies)
    recipes.push_back({policy.name(), [&] { return models.compress_by(policy, arguments.targets); }});
  for (const named_path& other : against)
    recipes.push_back({other.name, [&] { return models.take(qfa::open_model(other.path), arguments.targets, {}); }});
  const qfa::finished_models of{models, dictionary, tokens.reported, settings, out.result, recipes, progress_line()};
  qfa::steering_options steer = arguments.steer;
  steer.directions = std::move(directions);
  if (arguments.steering) out.steering = qfa::run_steering(of, steer);
  if (arguments.patching) out.patching = qfa::run_patching(of, arguments.patch);
  for (const cached_condition& c : cached) {
    const std::string note = c.name + " has a cache, and activations are edited where there is none";
    if (out.steering) out.steering->notes.push_back(note);
    if (out.patching) out.patching->notes.push_back(note);
  }
}

}  // namespace

split_tokens split(qfa::token_rows all, std::size_t max_tokens, std::size_t matching_wanted,
                   std::size_t calibration_wanted) {
  std::size_t reported = all.rows();
  if (max_tokens > 0) reported = std::min(reported, max_tokens / all.context);
  if (reported == 0)
    qfa::fail("--max-tokens " + std::to_string(max_tokens) + " leaves fewer tokens than one context of " +
              std::to_string(all.context));
  std::size_t spare = reported;  // the first row that nobody uses
  if (matching_wanted > 0 && calibration_wanted > 0 && spare < all.rows())
    matching_wanted = std::min(matching_wanted, (all.rows() - spare + 1) / 2);
  const auto take = [&](std::size_t wanted, const char* what) {
    std::size_t count = std::min(wanted, all.rows() - spare);
    std::size_t first = spare;
    spare += count;
    if (count == 0 && wanted > 0) {
      count = std::min(wanted, reported / 8);
      if (count == 0)
        qfa::fail(std::string(what) + " needs rows that are not reported: " + std::to_string(reported) +
                  " rows are too few to spare an eighth of them");
      first = reported -= count;
    }
    return std::pair(first, count);
  };
  const auto [first_matching, matching] = take(matching_wanted, "matching pruning");
  const auto [first_calibration, calibration] = take(calibration_wanted, "a policy's calibration");
  if (reported == all.rows()) return {std::move(all), {}, {}};
  split_tokens out{qfa::rows_of(all, 0, reported), qfa::rows_of(all, first_matching, matching),
                   qfa::rows_of(all, first_calibration, calibration), first_calibration};
  out.reported.dropped = all.dropped;
  out.reported.bos_added = std::min(all.bos_added, reported);
  return out;
}

bool expects_bos_before(const qfa::token_rows& rows, const std::filesystem::path& directory,
                        const qfa::model_config& config) {
  return qfa::rows_lack_bos(rows, config) && qfa::expects_bos(directory, config);
}

std::string stored_dtype(const std::filesystem::path& directory, const qfa::language_model& model) {
  if (!model.quantization.empty()) return model.quantization + ", computed in float32";
  if (!qfa::path_is_directory(directory)) return "computed in float32";
  const qfa::json config = qfa::read_json(directory / "config.json");
  for (const char* key : {"dtype", "torch_dtype"})
    if (config.contains(key) && config[key].is_string())
      return config[key].get<std::string>() + ", computed in float32";
  return "computed in float32";
}

void add_inputs(qfa::audit_protocol& made, const std::filesystem::path& path, const std::string& role) {
  std::vector<std::filesystem::path> files{path};
  if (qfa::path_is_directory(path)) {
    files.clear();
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      const auto kind = entry.path().extension();
      if (entry.is_regular_file() && (kind == ".json" || kind == ".safetensors" || kind == ".npz"))
        files.push_back(entry);
    }
    std::sort(files.begin(), files.end());  // whatever order the file system lists them in
  }
  if (path.extension() == ".gguf" && !qfa::path_is_directory(path)) files = qfa::sharded_gguf(path).paths();
  for (const auto& file : files)
    made.inputs.push_back({file.string(), std::filesystem::file_size(file), qfa::crc32_of_file(file), role});
}

finished_audit run_on_model(const audit_arguments& arguments) {
  if (arguments.tokens.empty() && arguments.text.files.empty()) qfa::fail("--model needs --tokens FILE or --text FILE");
  const bool conditions_asked_for = !arguments.policies.empty() || !arguments.match.empty() ||
                                    !arguments.against.empty() || !arguments.caches.empty();
  if (!conditions_asked_for && !arguments.ladder)
    qfa::fail("an audit needs at least one --policy, --cache or --against, for instance --policy rtn:bits=4");
  std::vector<std::string> specs = arguments.policies;
  std::vector<std::string> cached_specs;  // those with a cache besides
  std::erase_if(specs, [&](const std::string& spec) {
    if (qfa::split_outside_parentheses(spec, '&').size() == 1) return false;
    cached_specs.push_back(spec);
    return true;
  });
  if (!arguments.meaning_floor.empty() && std::ranges::none_of(specs, [&](const std::string& spec) {
        return qfa::parse_policy(spec).name() == qfa::parse_policy(arguments.meaning_floor).name();
      }))
    specs.push_back(arguments.meaning_floor);
  auto policies = parse_policies(specs);
  const auto matched = parse_policies(arguments.match);
  qfa::audit_options options = arguments.options();
  if (arguments.ladder) {
    std::vector<std::string> known;
    for (const qfa::any_policy& policy : policies)
      known.push_back(policy.name());
    for (const qfa::any_policy& policy : matched)
      known.push_back(policy.name());
    for (const qfa::rtn& rung : qfa::missing_rungs(known)) {
      policies.emplace_back(rung);
      if (conditions_asked_for) options.ladder_only.push_back(rung.name());  // alone, the ladder is what is asked for
    }
  }
  const std::vector<named_path> against = read_against(arguments, policies, matched);

  qfa::audit_protocol made;
  qfa::sae dictionary = read_dictionary(arguments, made);
  const qfa::audit_settings settings = qfa::settle(options, dictionary.metadata);
  qfa::language_model model = qfa::open_model(arguments.model);
  const std::vector<cached_condition> cached = cached_conditions(arguments, cached_specs, model.config.layers);
  const bool processed_first = settings.order == qfa::compression_order::process_then_compress;
  if (!policies.empty() || !matched.empty() || !cached_specs.empty())
    qfa::check_targets(processed_first ? qfa::processed_config(settings.weight_processing, model.config) : model.config,
                       arguments.targets, options.fused);
  if (!against.empty()) qfa::check_targets(model.config, arguments.targets, options.fused);
  const bool in_nats = !matched.empty() && !options.rules.guarded_r;
  const auto learns = [](const qfa::any_policy& policy) { return policy.needs().any(); };
  const bool calibrates = std::any_of(policies.begin(), policies.end(), learns) ||
                          std::any_of(matched.begin(), matched.end(), learns) ||
                          std::any_of(cached.begin(), cached.end(), [&](const cached_condition& c) {
                            return c.cache.plan.learns() || (c.weights && learns(*c.weights));
                          });
  token_input source = read_token_input(arguments.tokens, arguments.text, arguments.model, model.config,
                                        qfa::tokens_for(settings, model.config, 0));
  if (arguments.keep_groups)
    source.rows.documents.clear();
  else if (!arguments.row_documents.empty())
    source.rows.documents = read_row_documents(arguments, source.rows.rows());
  const qfa::token_rows& all = source.rows;
  const bool from_tokens = calibrates && !arguments.has_calibration();
  if (calibrates && arguments.calibration_tokens < all.context)
    qfa::fail("--calibration-tokens " + std::to_string(arguments.calibration_tokens) +
              " are fewer than one context of " + std::to_string(all.context));
  const split_tokens tokens = split(all, arguments.max_tokens, in_nats ? most_matching_rows : 0,
                                    from_tokens ? arguments.calibration_tokens / all.context : 0);
  token_input own{.rows = tokens.calibration};
  if (calibrates && !from_tokens)
    own = read_token_input(arguments.calibration, arguments.text.of_calibration(), arguments.model, model.config,
                           qfa::tokens_for(settings, model.config, arguments.calibration_tokens));
  const qfa::token_rows& calibration = own.rows;
  std::vector<qfa::named_vector> directions = read_directions(arguments, dictionary.d_in);
  const auto asked_for = [&](const qfa::any_policy& policy) {
    return std::ranges::find(options.ladder_only, policy.name()) == options.ladder_only.end();
  };
  check_steering(arguments, tokens.reported, settings.skip_positions,
                 std::ranges::none_of(policies, asked_for) && matched.empty() && against.empty());
  const bool wants_bos = expects_bos_before(tokens.reported, arguments.model, model.config);
  add_inputs(made, arguments.model, "model");
  add_inputs(made, arguments.sae, "sae");
  for (const std::string& input : source.files)
    add_inputs(made, input, source.text ? "text" : "tokens");
  if (!arguments.row_documents.empty()) add_inputs(made, arguments.row_documents, "tokens");
  made.text = source.text;
  for (const std::string& input : own.files)
    add_inputs(made, input, "calibration");
  if (!calibrates && arguments.has_calibration())
    made.warnings.push_back(arguments.calibration_option() + " was not read: no policy here learns from tokens");
  qfa::audit_protocol compressed_inputs;
  for (const named_path& checkpoint : against)
    add_inputs(compressed_inputs, checkpoint.path, "compressed model");
  made.inputs.insert(made.inputs.end(), compressed_inputs.inputs.begin(), compressed_inputs.inputs.end());
  qfa::check_same_inputs(ranks(), made.inputs);
  options.checkpoint.made_of =
      parts_of(arguments, tokens, calibration, policies, cached, matched, compressed_inputs.inputs);
  made.targets = arguments.targets.name();
  made.model_dtype = stored_dtype(arguments.model, model);

  // Copies of a model share its tensors; what is packed of them goes with the audit, before controls begin.
  std::optional<qfa::model_audit> running(std::in_place, model, dictionary, tokens.reported, settings, options,
                                          progress_line());
  qfa::model_audit& audit = *running;
  if (calibrates) {
    const std::size_t first = from_tokens ? tokens.first_calibration_row : 0;
    audit.calibrate_on(calibration, "rows " + std::to_string(first) + " to " +
                                        std::to_string(first + calibration.rows() - 1) + " of " +
                                        (from_tokens ? source.where + ", which are not reported" : own.where));
  }
  if (ranks().leads())
    if (const auto warning = qfa::missing_bos_warning(audit.reference(), audit.tokens(), wants_bos))
      made.warnings.push_back(*warning);
  for (const qfa::any_policy& policy : policies)
    audit.run(policy, arguments.targets);
  for (const cached_condition& c : cached) {
    if (c.weights)
      audit.run(*c.weights, c.cache, c.name, arguments.targets);
    else
      audit.run_cache(c.cache, c.name);
  }
  for (const named_path& checkpoint : against) {
    qfa::language_model compressed = qfa::open_model(checkpoint.path);
    made.checkpoints.push_back({checkpoint.name, checkpoint.path, compressed.quantization});
    audit.run_model(std::move(compressed), checkpoint.name, arguments.targets);
  }
  for (const qfa::any_policy& policy : matched) {
    const bool known = std::any_of(audit.conditions().begin(), audit.conditions().end(),
                                   [&](const auto& c) { return c.policy == policy.name(); });
    if (!known) audit.run(policy, arguments.targets);
    if (in_nats)
      audit.match_pruning_in_nats(policy, policy.name(), tokens.matching, arguments.match_tolerance, arguments.targets);
    else
      audit.match_pruning_as_published(policy.name(), arguments.targets);
  }
  finished_audit out{audit.result(std::move(made))};
  running.reset();
  const bool goes_back = (arguments.steering || arguments.patching) && ranks().leads();
  if (arguments.controls || goes_back) {
    std::vector<qfa::any_policy> controlled = policies;
    std::erase_if(controlled, [&](const qfa::any_policy& policy) { return !asked_for(policy); });
    for (const qfa::any_policy& policy : matched)
      if (std::ranges::find(controlled, policy.name(), &qfa::any_policy::name) == controlled.end())
        controlled.push_back(policy);
    for (const qfa::condition_result& c : out.result.conditions)
      if (c.match && !c.match->across)
        controlled.emplace_back(qfa::magnitude_pruner{.sparsity = c.match->sparsity}, c.policy);
    if (goes_back)
      go_back_to_models(out, arguments, model, dictionary, tokens, calibration, settings, controlled, against, cached,
                        std::move(directions));
    if (!arguments.controls) return out;
    options.block_length = qfa::longest_block(out.result);
    out.controls = controls_of(arguments, tokens.reported,
                               {.model = std::move(model),
                                .dictionary = std::move(dictionary),
                                .rows = {},
                                .matching = {},
                                .calibration = calibration,
                                .settings = settings,
                                .options = options,
                                .policies = std::move(controlled),
                                .targets = arguments.targets,
                                .told = progress_line()});
    for (const cached_condition& c : cached)
      out.controls->notes.push_back(c.name + " has a cache, of which there are no controls here");
    for (const named_path& checkpoint : against)
      out.controls->notes.push_back(checkpoint.name + " was compressed elsewhere, and has no controls here");
  }
  return out;
}

}  // namespace qfa_program
