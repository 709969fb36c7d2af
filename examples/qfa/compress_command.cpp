// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <string>

#include "commands.hpp"
#include "qfa/compress/distortion.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/io/npy.hpp"
#include "qfa/io/npy_writer.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa_program {
namespace {

struct compress_arguments {
  std::string policy, in, out, role = "other";
  std::size_t heads = 0, head_dim = 0;
};

qfa::tensor_role role_named(const std::string& name) {
  const auto at = std::find(qfa::tensor_role_names.begin(), qfa::tensor_role_names.end(), name);
  if (at == qfa::tensor_role_names.end())
    qfa::fail("there is no role \"" + name + "\"; known are q, k, v, o, gate, up, down and other");
  return static_cast<qfa::tensor_role>(at - qfa::tensor_role_names.begin());
}

void run(const compress_arguments& arguments) {
  const qfa::any_policy policy = qfa::parse_policy(arguments.policy);
  const qfa::npy_array array = qfa::read_npy(arguments.in);
  if (array.shape.size() != 2)
    qfa::fail("\"" + arguments.in + "\" has " + std::to_string(array.shape.size()) +
              " dimensions, expected a matrix: 2, with a row for each output channel");
  const std::vector<float> reference = qfa::as_floats(array);
  std::vector<float> weights = reference;
  const qfa::matrix_view<float> view(weights.data(), array.shape[0], array.shape[1]);
  policy(view, {.name = arguments.in,
                .role = role_named(arguments.role),
                .heads = arguments.heads,
                .head_dim = arguments.head_dim});
  const qfa::matrix_view<const float> before(reference.data(), array.shape[0], array.shape[1]);
  const qfa::distortion error = qfa::measure_distortion(before, view);
  qfa::write_npy(arguments.out, array.shape, weights);
  std::cout << policy.name() << ": " << error.count() << " weights, SQNR " << qfa::fixed(error.sqnr(), 2)
            << " dB, relative Frobenius error " << qfa::fixed(error.relative_frobenius_error(), 6) << ", cosine "
            << qfa::fixed(error.cosine(), 6) << ", zeroed " << qfa::fixed(100.0 * error.zeroed_share(), 2) << " %\n";
}

}  // namespace

void add_compress(CLI::App& app) {
  auto arguments = std::make_shared<compress_arguments>();
  CLI::App* command = app.add_subcommand("compress", "applies a policy to one matrix, rows being output channels");
  command->add_option("--policy", arguments->policy, "what to do, as `qfa list policies` explains")->required();
  command->add_option("--in", arguments->in, "the weights, an .npy file of two dimensions")->required();
  command->add_option("--out", arguments->out, "where the result goes, an .npy file of float32")->required();
  command->add_option("--role", arguments->role,
                      "what the matrix does in a model: q, k, v, o, gate, up, down or other");
  command->add_option("--heads", arguments->heads, "how many attention heads it serves");
  command->add_option("--head-dim", arguments->head_dim, "width of one head");
  command->callback([arguments] { run(*arguments); });
}

}  // namespace qfa_program
