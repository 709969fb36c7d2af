// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/weight_plan_file.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "parsed_plans.hpp"
#include "scratch.hpp"

namespace compress_weight_plan_file_test {

using qfa::any_policy;
using qfa::rtn;
using qfa::weight_plan;
using qfa_test::check_refused;
using qfa_test::parse_one;

namespace {

const weight_plan mixed{.tensors = {{{"a.weight", rtn{.bits = 6}}, {"*.weight", rtn{.bits = 3}}}},
                        .rest = rtn{.bits = 4}};

weight_plan read(std::string_view text) { return qfa::weight_plan_from_text(text, "\"mix.json\"", parse_one); }

std::string with(std::string text, std::string_view part, std::string_view by) {
  const std::size_t at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.replace(at, part.size(), by);
}

}  // namespace

TEST_CASE("write_weight_plan: what is written is read, and nothing else is left in the folder") {
  const qfa_test::scratch folder;
  const std::filesystem::path file = folder.path() / "mix.json";
  qfa::write_weight_plan(mixed, file, "by hand");
  CHECK(folder.files() == 1);
  const weight_plan back = qfa::read_weight_plan(file, parse_one);
  CHECK(back.name() == mixed.name());
  CHECK(qfa::weight_plan_text(back, "by hand") == qfa_test::slurp(file));
  qfa::write_weight_plan({}, file);
  CHECK(qfa::read_weight_plan(file, parse_one).name() == weight_plan{}.name());
  check_refused([&] { qfa::write_weight_plan(mixed, folder.path() / "none" / "mix.json"); }, {"none/mix.json"});
}

TEST_CASE("weight_plan_from_text: says which file and which field is wrong") {
  const std::string good = qfa::weight_plan_text(mixed);
  CHECK(read(good).name() == mixed.name());
  const auto refused = [&](std::string_view part, std::string_view by, std::string_view key) {
    check_refused([&] { read(with(good, part, by)); }, {"\"mix.json\"", key});
  };
  refused("qfa weight plan", "another", "\"format\"");
  refused("\"format\"", "\"other\"", "\"format\"");
  refused("\"version\": 1", "\"version\": 2", "\"version\"");
  refused("\"version\": 1", "\"version\": \"1\"", "\"version\"");
  refused("\"version\"", "\"edition\"", "\"version\"");
  refused("\"rest\": \"rtn:bits=4\"", "\"rest\": 4", "\"rest\"");
  refused("\"rest\": \"rtn:bits=4\"", "\"rest\": \"rtn:bits=99\"", "\"rest\"");
  refused("\"rest\"", "\"others\"", "others");
  refused("\"tensors\"", "\"matrices\"", "matrices");
  refused("\"name\": \"a.weight\"", "\"tensor\": \"a.weight\"", "tensor 0");
  refused("\"name\": \"*.weight\"", "\"name\": \"a.weight\"", "\"a.weight\" twice");
  refused("\"policy\": \"rtn:bits=3\"", "\"policy\": \"unheard_of\"", "tensor 1");
  refused("\"policy\": \"rtn:bits=3\"", "\"policy\": null", "\"policy\"");
  check_refused([&] { read("[1]"); }, {"\"mix.json\"", "object"});
  check_refused([&] { read("{"); }, {"\"mix.json\"", "JSON"});
  check_refused([&] { read(R"({"format": "qfa weight plan", "version": 1, "rest": "none", "tensors": {}})"); },
                {"\"mix.json\"", "\"tensors\""});
}

TEST_CASE("weight_plan_file: a spec names the file, and its name holds what the file was") {
  const qfa_test::scratch folder;
  const std::string file = (folder.path() / "mix.json").string(), odd = (folder.path() / "a,b=c.json").string();
  qfa::write_weight_plan(mixed, file);
  qfa::write_weight_plan(mixed, odd);
  const any_policy plan = parse_one("plan_file:" + file);
  CHECK(plan.name().find("plan_file:file=" + file + ",crc=") == 0);
  CHECK(parse_one(plan.name()).name() == plan.name());
  CHECK(parse_one("plan_file:(" + odd + ")").name().find("file=(" + odd + "),crc=") != std::string::npos);
  CHECK(parse_one(parse_one("plan_file:(" + odd + ")").name()).name_for({.name = "a.weight"}) == "rtn:bits=6");

  const qfa_test::matrix w = qfa_test::random_matrix(4, 8);
  for (const qfa::tensor_info& info :
       {qfa::tensor_info{.name = "a.weight"}, qfa::tensor_info{.name = "b.weight"}, {}}) {
    CHECK(plan.name_for(info) == mixed.name_for(info));
    CHECK(plan.stored_bits(4, 8, info) == mixed.stored_bits(4, 8, info));
    CHECK(qfa_test::same_bits(qfa_test::compressed(w, plan, info).values, qfa_test::compressed(w, mixed, info).values));
  }
  check_refused([&] { plan.check_tensors({}); }, {"a.weight"});

  qfa::write_weight_plan(mixed, file, "another note");
  check_refused([&] { parse_one(plan.name()); }, {file, "checksum", "another"});
  CHECK(parse_one("plan_file:file=" + file + ",crc=any").name() != plan.name());
  check_refused([&] { parse_one("plan_file:" + file + ",crc=12"); }, {"crc", "eight hexadecimal digits"});
  check_refused([&] { parse_one("plan_file:nowhere.json"); }, {"nowhere.json"});
  check_refused([&] { parse_one("plan_file"); }, {"file"});
}

TEST_CASE("weight_plan_file: plans that name themselves, or one another too deep, are refused by one sentence") {
  const qfa_test::scratch folder;
  const auto at = [&](const std::string& name) { return (folder.path() / name).string(); };
  const auto write = [&](const std::string& name, const std::string& rest) {
    folder.write(name, with(qfa::weight_plan_text({}), "\"rest\": \"none\"", "\"rest\": \"" + rest + "\""));
  };
  write("self.json", "plan_file:" + at("self.json"));
  check_refused([&] { parse_one("plan_file:" + at("self.json")); }, {"self.json", "names itself"});
  check_refused([&] { qfa::read_weight_plan(at("self.json"), parse_one); }, {"self.json", "names itself"});
  // By another spelling of the path, in a circle of three, and within an option.
  write("a.json", "plan_file:" + at("./b.json"));
  write("b.json", "plan:tensors=(*=plan_file:" + at("c.json") + ")");
  write("c.json", "plan_file:" + at("a.json"));
  for (const std::string name : {"a.json", "b.json", "c.json"})
    check_refused([&] { parse_one("plan_file:" + at(name)); }, {name, "names itself"});
  std::filesystem::create_symlink(at("linked.json"), at("link.json"));
  write("linked.json", "plan_file:" + at("link.json"));
  check_refused([&] { parse_one("plan_file:" + at("link.json")); }, {"link.json", "names itself"});

  // Eight within one another are read, and a file may be named twice side by side; nine are not.
  write("1.json", "rtn:bits=4");
  for (int i = 2; i <= 9; ++i)
    write(std::to_string(i) + ".json", "plan_file:" + at(std::to_string(i - 1) + ".json"));
  CHECK(parse_one("plan_file:" + at("8.json")).name_for({}).find("plan_file:file=" + at("7.json")) == 0);
  check_refused([&] { parse_one("plan_file:" + at("9.json")); }, {"8 deep, no deeper"});
  const std::string eight = "plan_file:" + at("8.json");
  const std::string twice = "plan:tensors=(*.weight=" + eight + "),rest=(" + eight + ")";
  CHECK(parse_one(twice).stored_bits(2, 2, {}) == parse_one("rtn:bits=4").stored_bits(2, 2, {}));
}

TEST_CASE("weight_plan_file: files that name others many times are refused before they are read for ever") {
  const qfa_test::scratch folder;
  const auto at = [&](const std::string& name) { return (folder.path() / name).string(); };
  const auto write = [&](const std::string& name, std::size_t times, const std::string& policy) {
    std::vector<qfa::weight_plan_part> parts;
    for (std::size_t i = 0; i < times; ++i)
      parts.push_back({"t" + std::to_string(i), parse_one("rtn:bits=3")});
    std::string text = qfa::weight_plan_text({.tensors = std::move(parts)});
    for (std::size_t i = 0; i < times; ++i)
      text = with(text, "\"rtn:bits=3\"", "\"" + policy + "\"");
    folder.write(name, text);
  };
  write("1.json", 0, "");
  // 999 names and the file that names them are as many as may be; a policy read before does not count.
  write("most.json", 999, "plan_file:" + at("1.json"));
  write("more.json", 1000, "plan_file:" + at("1.json"));
  for (int again = 0; again < 2; ++again) {
    CHECK(parse_one("plan_file:" + at("most.json")).stored_bits(2, 2, {}) == parse_one("none").stored_bits(2, 2, {}));
    check_refused([&] { parse_one("plan_file:" + at("more.json")); }, {"more.json", "1000 times", "no more"});
  }
  for (int i = 2; i <= 8; ++i)
    write(std::to_string(i) + ".json", 10, "plan_file:" + at(std::to_string(i - 1) + ".json"));
  check_refused([&] { parse_one("plan_file:" + at("8.json")); }, {"1000 times", "no more"});
}

}  // namespace compress_weight_plan_file_test
