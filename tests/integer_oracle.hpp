// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_INTEGER_ORACLE_HPP
#define QFA_TESTS_INTEGER_ORACLE_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/io/safetensors.hpp"

namespace qfa_test {

/// An array of tests/data/integers.safetensors.
inline const qfa::stored_tensor& integer_array(const std::string& name) {
  static const qfa::safetensors file(QFA_TEST_DATA "/integers.safetensors");
  return file.at(name);
}

/// The same as a matrix of floats; of doubles each is rounded to the nearest float.
inline matrix integer_matrix(const std::string& name) {
  const qfa::stored_tensor& tensor = integer_array(name);
  REQUIRE(tensor.shape.size() == 2);
  return {tensor.shape[0], tensor.shape[1], qfa::read_floats(tensor)};
}

/// A published quantizer: its arrays' prefix there, and the policy that is to give their bits.
struct integer_convention {
  std::string name;
  std::string spec;
};

inline const std::vector<integer_convention>& integer_conventions() {
  static const std::vector<integer_convention> all = [] {
    std::vector<integer_convention> list{
        {"ct.w8a16", "compressed_tensors_w8a16"},
        {"ct.w4a16", "compressed_tensors_w4a16:group=32"},
        {"ct.w4a16_asym", "compressed_tensors_w4a16_asym:group=32"},
        {"llmc.mse", "llm_compressor_mse:group=32"},
        {"torchao.sym.4", "torchao_int8:bits=4"},
        {"torchao.sym.8", "torchao_int8"},
        {"torchao.no_clipping", "torchao_int8_no_clipping:bits=4"},
        {"torchao.asym", "torchao_int4:group=32"},
        {"gptq.mse", "gptq_mse:group=128"},
        {"awq", "awq:group=32"},
        {"autoawq.sym", "autoawq_sym:group=32"},
        {"quanto.int8", "quanto_int8"},
        {"quanto.int4", "quanto_int4:group=32"},
        {"quanto.int2", "quanto_int4:bits=2,group=32"},
        {"modelopt.int8", "modelopt_int8"},
        {"bnb.int8", "bnb_int8"},
    };
    for (const std::string bits : {"2", "3", "4", "8"})
      for (const std::string kind : {"sym", "asym"}) {
        const std::string name = "gptq." + kind + "." + bits, spec = "gptq_" + kind + ":bits=" + bits;
        list.push_back({name + ".row", spec + ",per=row,group=128"});
        list.push_back({name + ".group", spec + ",group=32"});
      }
    return list;
  }();
  return all;
}

/// The members of a policy that is an `integer`.
inline qfa::integer integer_of(std::string_view spec) {
  const std::string canonical = describe(qfa::parse_policy(spec));
  const auto calls = qfa::split_spec(canonical);
  REQUIRE(calls.size() == 1);
  REQUIRE(calls.front().name == qfa::integer::spec_name);
  return qfa::policy_from<qfa::integer>(calls.front().options, {});
}

}  // namespace qfa_test

#endif
