// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "commands.hpp"
#include "qfa/compress/distortion.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/io/npy.hpp"
#include "qfa/io/npy_writer.hpp"
#include "qfa/report/text_table.hpp"
#include "ranks.hpp"

namespace qfa_program {
namespace {

struct compress_arguments {
  std::string policy, in, out, inputs, name, role = "other";
  std::size_t layer = 0, layers = 0, heads = 0, head_dim = 0;
};

qfa::tensor_role role_named(const std::string& name) {
  const auto at = std::find(qfa::tensor_role_names.begin(), qfa::tensor_role_names.end(), name);
  if (at == qfa::tensor_role_names.end())
    qfa::fail("there is no role \"" + name + "\"; known are q, k, v, o, gate, up, down and other");
  return static_cast<qfa::tensor_role>(at - qfa::tensor_role_names.begin());
}

qfa::npy_array read_matrix(const std::string& path, const char* rows) {
  qfa::npy_array array = qfa::read_npy(path);
  if (array.shape.size() != 2)
    qfa::fail("\"" + path + "\" has " + std::to_string(array.shape.size()) +
              " dimensions, expected a matrix: 2, with a row for each " + rows);
  return array;
}

/// What is known of the inputs of one matrix: statistics of dumped activations, and its own column peaks.
qfa::calibration calibrate(const compress_arguments& arguments, const qfa::any_policy& policy,
                           qfa::matrix_view<const float> weights) {
  if (!policy.needs().any()) return {};
  if (arguments.inputs.empty())
    qfa::fail(policy.name() + " learns from the matrix's inputs: give --inputs FILE, an .npy file with a token a row");
  const qfa::npy_array array = read_matrix(arguments.inputs, "token");
  if (array.shape[1] != weights.columns())
    qfa::fail("\"" + arguments.inputs + "\" has tokens of " + std::to_string(array.shape[1]) +
              " channels, but the weights take " + std::to_string(weights.columns()));
  const std::vector<float> x = qfa::as_floats(array);
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!std::isfinite(x[i]))
      qfa::fail("\"" + arguments.inputs + "\" holds " + (std::isnan(x[i]) ? "NaN" : "an infinity") + " in row " +
                std::to_string(i / array.shape[1]) + ", expected finite activations");
  qfa::calibration known{qfa::input_statistics(weights.columns(), policy.needs().gram),
                         std::vector<float>(weights.columns(), 0.0f)};
  known.inputs(qfa::matrix_view<const float>(x.data(), array.shape[0], array.shape[1]));
  for (std::size_t r = 0; r < weights.rows(); ++r)
    for (std::size_t c = 0; c < weights.columns(); ++c)
      known.column_peaks[c] = std::max(known.column_peaks[c], std::abs(weights(r, c)));
  return known;
}

void run(const compress_arguments& arguments) {
  const qfa::any_policy policy = qfa::parse_policy(arguments.policy);
  const qfa::npy_array array = read_matrix(arguments.in, "output channel");
  const std::vector<float> reference = qfa::as_floats(array);
  std::vector<float> weights = reference;
  const qfa::matrix_view<float> view(weights.data(), array.shape[0], array.shape[1]);
  const qfa::matrix_view<const float> before(reference.data(), array.shape[0], array.shape[1]);
  const qfa::tensor_info info{.name = arguments.name.empty() ? arguments.in : arguments.name,
                              .layer = arguments.layer,
                              .role = role_named(arguments.role),
                              .heads = arguments.heads,
                              .head_dim = arguments.head_dim,
                              .layers = arguments.layers};
  policy(view, info, calibrate(arguments, policy, before));
  const qfa::distortion error = qfa::measure_distortion(before, view);
  qfa::write_npy(arguments.out, array.shape, weights);
  std::cout << policy.name() << ": " << error.count() << " weights, SQNR " << qfa::fixed(error.sqnr(), 2)
            << " dB, relative Frobenius error " << qfa::fixed(error.relative_frobenius_error(), 6) << ", cosine "
            << qfa::fixed(error.cosine(), 6) << ", zeroed " << qfa::fixed(100.0 * error.zeroed_share(), 2)
            << " %, worst error " << error.worst().error;
  if (const auto bits = policy.stored_bits(view.rows(), view.columns(), info); bits && view.size() > 0)
    std::cout << ", " << qfa::fixed(*bits / static_cast<double>(view.size()), 3) << " bits a weight";
  if (policy.changes_activations()) std::cout << "; what it does to activations is not shown here";
  if (!arguments.inputs.empty() && !policy.needs().any())
    std::cout << "; \"" << arguments.inputs << "\" was not read: " << policy.name() << " learns nothing from inputs";
  std::cout << "\n";
}

}  // namespace

void add_compress(CLI::App& app) {
  auto arguments = std::make_shared<compress_arguments>();
  CLI::App* command = app.add_subcommand("compress", "applies a policy to one matrix, rows being output channels");
  command->add_option("--policy", arguments->policy, "what to do, as `qfa list policies` explains")->required();
  command->add_option("--in", arguments->in, "the weights, an .npy file of two dimensions")->required();
  command->add_option("--out", arguments->out, "where the result goes, an .npy file of float32")->required();
  command->add_option("--inputs", arguments->inputs,
                      "what the matrix reads, an .npy file with a token a row: for policies that learn from it");
  command->add_option("--name", arguments->name, "what the matrix is called in a model, by which plans choose; --in");
  command->add_option("--role", arguments->role,
                      "what the matrix does in a model: q, k, v, o, gate, up, down or other");
  command->add_option("--heads", arguments->heads, "how many attention heads it serves");
  command->add_option("--head-dim", arguments->head_dim, "width of one head");
  command->add_option("--layer", arguments->layer, "which layer it belongs to, from 0");
  command->add_option("--layers", arguments->layers, "how many layers the model has: mixes of types depend on it");
  command->callback([arguments] {
    if (ranks().leads()) run(*arguments);
  });
}

}  // namespace qfa_program
