// expect: is_tuple_of_fields_of
#include <string_view>
#include <tuple>

#include "qfa/compress/fields.hpp"

struct other {
  int bits = 4;
};

// A field that belongs to another policy.
struct ternary {
  int width = 3;
  void operator()(qfa::matrix_view<float>) const {}
  static constexpr std::string_view spec_name = "ternary";
  static constexpr std::string_view summary = "keep the signs";
  static constexpr auto fields() {
#ifdef MISUSE
    return std::tuple{qfa::field{"bits", &other::bits, "how many"}};
#else
    return std::tuple{qfa::field{"width", &ternary::width, "how many"}};
#endif
  }
};

auto use() { return qfa::spec_of(ternary{}); }
