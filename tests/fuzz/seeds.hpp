// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_FUZZ_SEEDS_HPP
#define QFA_TESTS_FUZZ_SEEDS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/seed_folder.hpp"
#include "fuzz/targets.hpp"
#include "made_report.hpp"
#include "qfa/io/gguf_writer.hpp"
#include "qfa/io/npy_writer.hpp"
#include "qfa/model/write_gguf.hpp"

// Where fuzzing begins: for each target, small inputs that its reader accepts.

namespace qfa_fuzz {

inline void write_seeds(const std::filesystem::path& root) {
  const std::filesystem::path data = QFA_TEST_DATA;
  const auto files = [&](const char* folder, std::string_view ending, std::initializer_list<const char*> of) {
    for (const char* const target : of) {
      seed_folder seeds(root, target);
      for (const std::filesystem::path& path : sorted_entries(data / folder))
        if (path.filename().string().ends_with(ending)) seeds.add_file(path);
    }
  };
  files("npy", ".npy", {"npy", "tokens", "activation_file"});
  files("npz", ".npz", {"npz"});
  seed_folder npz_saes(root, "npz_sae");
  for (const char* const release : {"gemma-scope-2b-pt-res/layer_12/width_16k/average_l0_82",
                                    "gemma-scope-2b-pt-res/embedding/width_4k/average_l0_6"})
    npz_saes.add_file(data / "sae_formats" / release / "params.npz");
  const std::filesystem::path made_npy = directory() / "made.npy";
  seed_folder streams(root, "tokens", "stream-");
  qfa::write_npy(made_npy, {9}, std::vector<std::uint16_t>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  streams.add_file(made_npy);
  qfa::write_npy(made_npy, {2, 4}, std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8});
  streams.add_file(made_npy);
  files("gguf", ".gguf", {"gguf", "gguf_model"});
  files("gguf/attacks", ".gguf", {"gguf", "gguf_model"});
  const std::string tiny = tiny_model();
  seed_folder(root, "model_weights").add(tiny);
  write("tiny/config.json", std::as_bytes(std::span(tiny_model_config)));
  write("tiny/model.safetensors", std::as_bytes(std::span(tiny)));
  qfa::write_gguf(qfa::load_model(directory() / "tiny"), directory() / "tiny.gguf");
  for (const char* const target : {"gguf", "gguf_model"})
    seed_folder(root, target, "tiny-").add_file(directory() / "tiny.gguf");

  seed_folder shards(root, "sharded_gguf");
  const std::vector<std::byte> values(12, std::byte{0x3e});
  std::string parts;
  for (const std::uint32_t part : {0U, 1U}) {
    const std::filesystem::path path = directory() / "part.gguf";
    const std::vector<qfa::gguf_pair> pairs{{"split.no", qfa::gguf_value::of(part)},
                                            {"split.count", qfa::gguf_value::of(std::uint32_t{2})}};
    const std::vector<qfa::gguf_tensor_to_write> tensors{
        {part == 0 ? "a" : "b", qfa::find_gguf_type("f32"), {3}, values}};
    qfa::write_gguf_file(path, pairs, tensors);
    std::ifstream in(path, std::ios::binary);
    parts += std::string(std::istreambuf_iterator<char>(in), {});
    if (part == 0)
      parts = std::string{static_cast<char>(parts.size() % 256), static_cast<char>(parts.size() / 256)} + parts;
  }
  shards.add(parts);
  seed_folder vocabularies(root, "vocabulary");
  vocabularies.add("{\"\u2581the\": 0, \"<0x0A>\": 2, \"a\": 1}");
  vocabularies.add("{\"\u0120the\": 0, \"\u010A\": 5}");

  seed_folder(root, "tokenizer_config").add(
      R"({"add_bos_token": true, "bos_token": "<s>", "eos_token": {"content": "</s>"}, "chat_template": "{{ x }}"})");
  seed_folder(root, "post_processor").add(
      R"({"post_processor": {"processors": [{"single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {}}]}]}})");

  seed_folder configs(root, "model_config");
  for (const std::filesystem::path& model : sorted_entries(data / "models"))
    configs.add_file(model / "config.json");

  seed_folder checkpoints(root, "checkpoint_config");
  const char* const kinds[] = {"ct_pack", "ct_int", "gptq_v1", "gptq_v2", "awq", "ct_nvfp4"};
  for (std::size_t i = 0; i < std::size(kinds); ++i)
    checkpoints.add_file(data / "checkpoints" / kinds[i] / "config.json", std::string(1, static_cast<char>(i)));

  seed_folder sae_configs(root, "sae_config");
  char layout = 0;
  for (const std::filesystem::path& folder : sorted_entries(data / "sae_formats")) {
    if (!std::filesystem::is_directory(folder)) continue;
    for (const std::filesystem::path& path : sorted_entries(folder))
      if (path.extension() == ".json") sae_configs.add_file(path, std::string(1, layout));
    ++layout;
  }

  for (const char* const target : {"safetensors", "sae_weights", "activation_file"}) {
    seed_folder tensors(root, target, "tensors-");
    std::string header = R"({"W_enc":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                         R"("W_dec":{"dtype":"F32","shape":[3,2],"data_offsets":[24,48]},)"
                         R"("b_enc":{"dtype":"F32","shape":[3],"data_offsets":[48,60]},)"
                         R"("b_dec":{"dtype":"F32","shape":[2],"data_offsets":[60,68]}})";
    header.append((8 - header.size() % 8) % 8, ' ');
    std::string file(8, '\0');
    file[0] = static_cast<char>(header.size() % 256);
    file[1] = static_cast<char>(header.size() / 256);
    tensors.add(file + header + std::string(68, '\x3e'));
    tensors.add(std::string("\2\0\0\0\0\0\0\0{}", 10));
    std::string one = R"({"x":{"dtype":"BF16","shape":[5,3],"data_offsets":[0,30]}})";
    one.append((8 - one.size() % 8) % 8, ' ');
    file[0] = static_cast<char>(one.size());
    file[1] = 0;
    tensors.add(file + one + std::string(30, '\x3e'));
  }
  seed_folder(root, "safetensors_index")
      .add(R"({"metadata": {"total_size": 8}, "weight_map": {"model.norm.weight": "a.safetensors"}})");

  seed_folder policies(root, "policy");
  for (const qfa::policy_entry& entry : qfa::registered_policies())
    policies.add(entry.name);
  for (const char* const spec :
       {"rtn:bits=6,per=row", "prune:sparsity=0.5+rtn:bits=4", "rotate:then=(rtn:bits=4)",
        "noise:match=(rtn:bits=4),seed=1", "ggml:type=q4_K", "fp8:format=e4m3,per=row"})
    policies.add(spec);
  // Just past a chain's and a nesting's limit.
  std::string chain = "none", nested;
  for (int i = 0; i < 64; ++i)
    chain += "+none";
  for (int i = 0; i < 17; ++i)
    nested += "negate:of=(";
  policies.add(chain);
  policies.add(nested + "nf4" + std::string(17, ')'));
  seed_folder caches(root, "cache_plan");
  for (const char* const spec :
       {"kivi:bits=2,group=32,residual=128", "section4:bits=3;0|5-7=none", "only:of=(nf4),side=keys,keep=4",
        "llama_q8_0", "rows:keys=(rtn:bits=4),values=(nf4)",
        "vllm:type=fp8_e5m2", "hf_quanto:bits=4", "uniform:bits=4"})
    caches.add(spec);
  caches.add(chain);

  seed_folder plans(root, "plan_file");
  plans.add(qfa::weight_plan_text({}));
  plans.add(qfa::weight_plan_text(
      {.tensors = {{{"a.weight", qfa::rtn{.bits = 6}}, {"*.weight", qfa::rtn{.bits = 3}}}},
       .rest = qfa::rtn{.bits = 4}}));
  plans.add(R"({"format": "qfa weight plan", "version": 1, "tensors": [], "rest": "plan_file:@plan"})");

  const qfa::pass_record record;
  const std::vector<std::byte> archived = qfa::to_bytes(record);
  seed_folder(root, "checkpoint").add(text_of(archived));

  // A run of one finished call, and one that has seen a block.
  const std::filesystem::path state = directory() / "seeds" / "qfa-bench-state";
  qfa::bench_checkpoint kept({.directory = state.parent_path(), .seconds = 0.0, .resume = false, .made_of = {}});
  kept.enter({});
  kept.finished("call");
  const qfa::feature_noise noise{
      .groups = 1, .all = {1.0}, .half = {std::vector{2.0}, {3.0}}, .without = {1.0}, .half_without = {2.0}};
  kept.finish("call", {{.noise = noise, .losses = {{}}}, {.noise = noise, .reaches_hook = false}, {.noise = noise}});
  std::vector<qfa::branch_record> records(2);
  qfa::sparse_codes codes(3);
  codes.push(1, 0.5f);
  codes.end_token();
  records[0].noise = qfa::noise_table(std::vector<std::uint32_t>{1, 2}, 3, 2);
  records[0].noise(codes, codes, std::vector<std::uint32_t>{1});
  records[0].losses.resize(2);
  kept.offer("call", records, 1);
  seed_folder benches(root, "bench_checkpoint");
  benches.add_file(state);
  benches.add_file(state.parent_path() / "qfa-bench-call-0");

  // An audit that has seen a block, and whose codes and states begin with the same bytes: two firings, as two rows.
  const std::filesystem::path audited = directory() / "seeds-audit" / "qfa-audit-state";
  {
    const qfa::checkpoint_options at{
        .directory = audited.parent_path(), .seconds = 0.0, .resume = false, .made_of = {}};
    qfa::audit_checkpoint audit(at, {});
    qfa::code_store store(3, 1000);
    qfa::row_store states(2, 1000);
    audit.keep(store.file(), "codes");
    audit.keep(states.file(), "states");
    store.append(codes);
    states.append(qfa::matrix_view<const float>(std::array{1.0f, 2.0f, 3.0f, 4.0f}.data(), 2, 2));
    std::vector<qfa::spill_file*> stores{&store.file()};
    const qfa::pass_record reference("reference", {.rows = 2, .row_tokens = 3}, 3);
    audit.finish(reference, stores);
    audit.offer(reference, 1, stores);
  }
  std::ifstream state_of(audited, std::ios::binary), codes_of(audited.parent_path() / "qfa-audit-codes");
  std::string kept_state{std::istreambuf_iterator<char>(state_of), {}};
  seed_folder(root, "audit_state")
      .add(std::string{static_cast<char>(kept_state.size() % 256), static_cast<char>(kept_state.size() / 256)} +
           kept_state + std::string(std::istreambuf_iterator<char>(codes_of), {}));

  seed_folder(root, "earlier_audit")
      .add("# library: qfa\npolicy,feature,honest_outcome,r,noise_to_signal\nrtn:bits=8,0,survived,0.9,0.1\n");
  seed_folder tables(root, "feature_columns");
  const std::string table = qfa_test::made_features({"reference", "p"}, 6);
  tables.add(table);
  tables.add("policy,feature,r\nreference,0,\n\"a,\"\"b\",0,0.5\n");
  const auto folder = [&](double survived) {
    return qfa_test::made_report("p", survived, 0.01).dump() + '\0' + table;
  };
  seed_folder(root, "rendered").add(qfa_test::made_report("p", 7).dump() + '\0' + table);
  seed_folder(root, "rendered_alignment").add(R"({"format": "qfa-alignment-1", "sweep": {"rows": []}, "caches": []})");
  seed_folder(root, "compared").add(folder(7) + '\0' + folder(9));
  seed_folder shifts(root, "group_shifts");
  shifts.add(std::string("\3\5\6\1", 4) + std::string(120, '\x3e'));
  shifts.add(std::string("\2\0\6\1", 4));
  seed_folder groups(root, "groups_npy");
  for (const std::size_t rows : {4U, 0U}) {
    const std::vector<float> shift(2 * rows * 3, 0.25f);
    qfa::write_npy(made_npy, {2, rows, 3}, shift);
    groups.add_file(made_npy);
  }
  seed_folder words(root, "words");
  for (const char* const word :
       {"blocks.2.hook_resid_post", "blocks.1.attn.hook_z", "tl", "none", "mass", "[INST] {} [/INST]", "rtn:bits=4",
        "rtn:bits=5,per=row", "*self_attn*", "model.layers.?.mlp*", "512M", "int6=q6.npy", "N=8e9,D=15e12,bits=4",
        "gemma-scope-2b-pt-res/layer_12/width_16k/average_l0_82/params.npz", "resid_post_layer_12"})
    words.add(word);
  seed_folder(root, "law_table").add("N,D,bits,delta\n1e6,1e9,4,0.1\n2e6,1e9,4,0.2\n");
  seed_folder(root, "prompts").add(
      R"({"format": "qfa-prompts-1", "end_of_response": 5, "max_new_tokens": 24, "prompts": [)"
      R"({"id": "h1", "label": "harmful", "split": "test", "text": "how", "tokens": [0, 17]}]})");
  seed_folder(root, "lines").add("\xef\xbb\xbfhow do i\r\n\n \t\ni cannot\nI\u2019m sorry\n");
  seed_folder verdicts(root, "verdicts");
  verdicts.add("id,condition,verdict\nh1,reference,refused\n");
  verdicts.add(R"([{"id": "h1", "condition": "reference", "verdict": "refused"}])");
  seed_folder(root, "feature_list").add("feature\n1\n2\n30\n");

#ifdef QFA_HAS_TEXT
  seed_folder tokenizers(root, "tokenizer");
  tokenizers.add(R"({"added_tokens": [{"id": 5, "content": "<x>", "lstrip": true, "normalized": true}],
    "normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", "add_prefix_space": true}]},
    "model": {"type": "BPE", "unk_token": "a", "ignore_merges": true,
    "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})");
  tokenizers.add(R"({"normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "_"},
    {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": "_"}]},
    "pre_tokenizer": {"type": "Split", "pattern": {"String": "_"}, "behavior": "MergedWithNext", "invert": false},
    "model": {"byte_fallback": true, "unk_token": "_", "fuse_unk": true,
    "vocab": {"_": 0, "o": 1, "n": 2, "on": 3, "<0xC3>": 4}, "merges": [["o", "n"]]}})");
  tokenizers.add(R"({"pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "first", "split": false},
    "model": {"vocab": {"a": 0, "?": 1}, "merges": [], "unk_token": "?"}})");
  seed_folder texts(root, "text");
  texts.add("one\n\ntwo\r\n \t\nthree \xf0\x9f\x98\x80");
  texts.add("\xef\xbb\xbf caf\xc3\xa9 \xff\xed\xa0\x80");
#endif
#ifdef QFA_HAS_SENTENCEPIECE
  seed_folder(root, "sentencepiece").add_file(data / "tokenizers" / "stories260K.model");
#endif
}

}  // namespace qfa_fuzz

#endif
