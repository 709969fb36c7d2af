// expect: listable_policy
#include <string_view>
#include <tuple>

#include "qfa/compress/catalogue.hpp"

// The catalogue lists a policy's options: a policy that says nothing of its fields goes in under a name.
struct ternary {
  void operator()(qfa::matrix_view<float>) const {}
  static constexpr std::string_view spec_name = "ternary";
  static constexpr std::string_view summary = "keep the signs";
#ifndef MISUSE
  static constexpr auto fields() { return std::tuple{}; }
#endif
};

void use(qfa::policy_catalogue& catalogue) { catalogue.add<ternary>(); }
