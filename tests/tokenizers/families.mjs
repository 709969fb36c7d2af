// SPDX-License-Identifier: Apache-2.0
// The parts of each family's tokenizer.json that are not its vocabulary, as its files define them.

const added = (id, content, more = {}) => ({id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...more});
const byteLevel = (more = {}) => ({type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true, ...more});
const bytesOf = regex => ({
  type: "Sequence",
  pretokenizers: [
    {type: "Split", pattern: {Regex: regex}, behavior: "Isolated", invert: false},
    byteLevel({use_regex: false}),
  ],
});
const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const rest = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
export const patterns = {
  gpt2: /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu,
  llama3: `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|${rest}`,
  qwen: `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|${rest}`,
};
const pieces = {byte_fallback: true, fuse_unk: true, unk_token: "<unk>"};
const special = (next, ...contents) => contents.map((content, i) => added(next + i, content));

/// `over`: bytes or characters, whichever the vocabulary is made of.  `next`: the first id behind the vocabulary.
export const families = {
  gpt2: {over: "bytes", added: next => special(next, "<|endoftext|>"), pre_tokenizer: byteLevel(), model: {}},
  // GPT-NeoX 20B and Pythia: runs of spaces are tokens that are found in the normalized text.
  pythia: {
    over: "bytes",
    added: next => [...special(next, "<|endoftext|>", "<|padding|>"),
      ...Array.from({length: 23}, (_, i) => added(next + 2 + i, " ".repeat(24 - i), {normalized: true, special: false}))],
    normalizer: {type: "NFC"}, pre_tokenizer: byteLevel(), model: {},
  },
  llama3: {over: "bytes", added: next => special(next, "<|begin_of_text|>", "<|end_of_text|>"),
    pre_tokenizer: bytesOf(patterns.llama3), model: {ignore_merges: true}},
  qwen: {over: "bytes", added: next => special(next, "<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    normalizer: {type: "NFC"}, pre_tokenizer: bytesOf(patterns.qwen), model: {}},
  // What other families have: digits one by one, a space before every text, marks that take blanks or need a word's ends.
  digits: {
    over: "bytes",
    added: next => [added(next, "<mask>", {lstrip: true, rstrip: true}), added(next + 1, "word", {single_word: true, special: false}),
      added(next + 2, "\ufb01ne", {normalized: true, special: false}), added(next + 3, "word.", {special: false})],
    normalizer: {type: "Sequence", normalizers: [{type: "NFKC"}, {type: "Replace", pattern: {Regex: "\\t+"}, content: " "}]},
    pre_tokenizer: {type: "Sequence", pretokenizers: [{type: "Digits", individual_digits: true}, byteLevel({add_prefix_space: true})]},
    model: {},
  },
  contiguous: {over: "bytes", added: () => [],
    pre_tokenizer: {type: "Sequence", pretokenizers: [{type: "Digits", individual_digits: false},
      {type: "Split", pattern: {String: "a"}, behavior: "MergedWithNext", invert: false},
      {type: "Split", pattern: {Regex: "\\s+"}, behavior: "Removed", invert: false},
      {type: "Split", pattern: {Regex: "[bc]"}, behavior: "Contiguous", invert: true}, byteLevel({use_regex: false})]}, model: {}},
  llama2: {over: "characters", added: () => special(0, "<unk>", "<s>", "</s>"),
    normalizer: {type: "Sequence", normalizers: [{type: "Prepend", prepend: "\u2581"}, {type: "Replace", pattern: {String: " "}, content: "\u2581"}]},
    pre_tokenizer: null, model: pieces},
  // Llama 2 and Mistral as later versions of the library write them.
  metaspace: {over: "characters", added: () => special(0, "<unk>", "<s>", "</s>"),
    pre_tokenizer: {type: "Metaspace", replacement: "\u2581", prepend_scheme: "first", split: false}, model: pieces},
  metaspace_always: {over: "characters", added: () => special(0, "<unk>", "<s>", "</s>"),
    pre_tokenizer: {type: "Metaspace", replacement: "\u2581", prepend_scheme: "always", split: true}, model: {...pieces, byte_fallback: false}},
  gemma: {over: "characters",
    added: next => [...special(0, "<unk>", "<s>", "</s>"), added(next, "\n\n", {special: false}), added(next + 1, "<start_of_turn>", {special: false}),
      added(next + 2, "\u2581\u2581", {special: false})],
    normalizer: {type: "Replace", pattern: {String: " "}, content: "\u2581"},
    pre_tokenizer: {type: "Split", pattern: {String: " "}, behavior: "MergedWithPrevious", invert: false}, model: pieces},
};

/// A whole tokenizer.json.
export function tokenizerOf(family, vocab, merges) {
  const next = 1 + Object.values(vocab).reduce((most, id) => Math.max(most, id), -1);
  return {
    version: "1.0", truncation: null, padding: null, added_tokens: family.added(next),
    normalizer: family.normalizer ?? null, pre_tokenizer: family.pre_tokenizer, post_processor: null, decoder: null,
    model: {type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false,
      byte_fallback: false, ignore_merges: false, ...family.model, vocab, merges},
  };
}
