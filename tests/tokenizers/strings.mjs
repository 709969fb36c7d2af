// SPDX-License-Identifier: Apache-2.0
// Texts that tokenizers disagree about, if they disagree anywhere: by hand, and drawn from a seed.

/// Numbers below `n`, the same on every machine (Marsaglia's xorshift of 32 bits).
export function drawer(seed) {
  let x = seed >>> 0 || 1;
  return n => {
    x ^= x << 13; x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5; x >>>= 0;
    return x % n;
  };
}

const at = (...points) => String.fromCodePoint(...points);

/// Every character with Unicode's property White_Space, and five that other definitions of \s take for one.
export const blanks = [9, 10, 11, 12, 13, 32, 0x85, 0xa0, 0x1680, ...Array.from({length: 11}, (_, i) => 0x2000 + i), 0x2028,
  0x2029, 0x202f, 0x205f, 0x3000];
export const noBlanks = [0x180e, 0x200b, 0x200d, 0x2060, 0xfeff, 0x1c, 0x1f];

const words = `the of and model feature token I'm you're they'll we've don't it's he'd DON'T I'M YOU'RE THEY'LL WE'VE HE'D IT'S
  o'clock rock'n'roll 'tis 'S 't 'Re 'lLama 'D'd 12 123 1234 12345 3.14159 1,000,000 0xdeadbeef 1e-10 2024-01-31 a1b2c3
  snake_case camelCase kebab-case UPPER Title don\u2019t na\u00efve caf\u00e9 cafe\u0301 stra\u00dfe \ufb01ne \u01c4 \u212b
  \u0130stanbul \u0131 \u017f '\u017f x\u00b2 \u00bd \u2167 \u2460 \uff11\uff12 \u0663\u0664 \u0967\u0968`.split(/\s+/);

const byHand = [
  "", " ", "  ", "   ", "\n", "\n\n", "\n\n\n", "\r\n", "\r\n\r\n", "\r", "\t", "\t\t", " \n", "\n ", "  \n  ", "\n \n", " \t \n \t ",
  "a", " a", "  a", "a ", "a  ", "a\n", "\na", "a\r\nb", "a\n\nb", "a \n b", "a  b", "a   b", "a\tb", "a \tb", "1", "12", "1234567890",
  "Hello world", "Hello, world!", " Hello", "Hello  World ", "hello\nworld\n", "HELLO'S", "it's 'quoted' text's", "''", "'''s", "'s",
  "!", "!!", "!!!\n", "...", "\u2026", "a.b.c", "a,b;c:d", "(a)[b]{c}", "#hashtag @name $100 50% ^ & *", "-- --- ----", "== === !=",
  "def f(x):\n    return x + 1\n\n\nclass A:\n\tpass\n", "for (int i = 0; i < n; ++i) { a[i] += b[i] * 2; }  // add\n",
  "{\"a\": [1, 2, {\"b\": null}], \"c\": \"\\u00e9\"}", "<div class=\"x\">\n  <p>text &amp; more</p>\n</div>\n", "SELECT * FROM t WHERE x >= 10;",
  "\\begin{equation} \\sum_{i=1}^{n} x_i^2 \\end{equation}", "https://example.org/a/b?c=d&e=f#g", "user@example.org", "C:\\path\\to\\file.txt",
  "\ud83d\ude00", "a\ud83d\ude00b", "\ud83d\udc4d\ud83c\udffd", "\ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc67", "\ud83c\udde9\ud83c\uddea", "1\ufe0f\u20e3",
  "\u2764\ufe0f", "\ud83e\udd14 hm\ud83e\udd14", "\ud835\udd38\ud835\udcd1", "\ud840\udc0b\ud842\udfb7", "\u4f60\u597d\uff0c\u4e16\u754c\u3002", "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8",
  "\ud55c\uad6d\uc5b4", "\u1112\u1161\u11ab\u1100\u116e\u11a8", "\u0420\u0443\u0441\u0441\u043a\u0438\u0439 \u0442\u0435\u043a\u0441\u0442", "\u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac", "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u0646\u064e\u0635\u0651",
  "\u05e2\u05d1\u05e8\u05d9\u05ea \u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd", "\u0939\u093f\u0928\u094d\u0926\u0940", "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22", "Ti\u1ebfng Vi\u1ec7t", "Tie\u0302\u0301ng Vie\u0323\u0302t", "A\u030a \u00c5 \u212b", "q\u0307\u0323 q\u0323\u0307",
  "\u0344 \u0958 \u2126 \u2329 \uf900 \ufb1d", "\u1e9b\u0323", "e\u0301\u0301", "\u0301", " \u0301", "\n\u0301", "a\u200bb", "a\u00adb", "\ufeffa", "a\ufeff b",
  "<|endoftext|>", "a<|endoftext|>b", "<|endoftext|><|endoftext|>", "<|endoftext", "<|padding|>", "<|im_start|>user\nhi<|im_end|>\n", "<|begin_of_text|>x",
  "<s>", "</s>", "a <s> b", "<unk>", "<0x0A>", "<0x41>", "<pad>", "<bos>", "<eos>", "<start_of_turn>user\n", "<mask>", "a <mask> b", "a  <mask>  b",
  "<mask><mask>", "x<mask>y", "word", "words", "a word.", "sword", "word\u0301", "\u2581", "\u2581\u2581a", "a\u2581b", "\u0120", "\u010a", "\u0120a",
  "\x00", "a\x00b", "\x01\x02\x1b[0m", "\x7f", "\x80\x9f", at(0xe000), at(0xffff), at(0x10ffff), at(0xfdd0), at(0x378), "\ufffd",
  ..."abcdefghijklmnopqrstuvwxyz".split("").map(c => c.repeat(40)), "ab".repeat(200), "aab".repeat(100), "ACGT".repeat(64), "0".repeat(300), "-".repeat(80), "=".repeat(81),
  "_".repeat(3) + "init" + "_".repeat(3), "\u4e00".repeat(50), "\ud83d\ude00".repeat(20),
];

/// Ranges of letters and signs that no version of Unicode since 6 has changed.
const scripts = [[0x61, 0x7a], [0x41, 0x5a], [0x30, 0x39], [0x21, 0x2f], [0x3a, 0x40], [0x5b, 0x60], [0x7b, 0x7e], [0xa1, 0xff], [0x100, 0x17f],
  [0x250, 0x2af], [0x300, 0x36f], [0x391, 0x3a1], [0x3b1, 0x3c9], [0x410, 0x44f], [0x561, 0x586], [0x5d0, 0x5ea], [0x5b0, 0x5bd], [0x620, 0x64a],
  [0x64b, 0x652], [0x660, 0x669], [0x904, 0x939], [0x93e, 0x94d], [0x966, 0x96f], [0x995, 0x9a8], [0xe01, 0xe3a], [0xe40, 0xe4e], [0x10d0, 0x10f0],
  [0x1100, 0x1112], [0x1161, 0x1175], [0x11a8, 0x11c2], [0x1e00, 0x1eff], [0x1f00, 0x1f15], [0x2010, 0x2027], [0x2030, 0x205e], [0x2070, 0x2071],
  [0x20a0, 0x20b5], [0x2150, 0x2182], [0x2190, 0x21ff], [0x2200, 0x22ff], [0x2460, 0x24ff], [0x2500, 0x257f], [0x3041, 0x3096], [0x30a1, 0x30fa],
  [0x4e00, 0x9fa5], [0xac00, 0xd7a3], [0xff01, 0xff5e], [0x1d400, 0x1d454], [0x1f300, 0x1f320], [0x1f600, 0x1f640], [0x20000, 0x2a6d6]];
const gaps = [" ", " ", " ", " ", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", "", "", ".", ", ", "-", "_", "/", "'s ", "'LL ", " '", "\" ", " (", ") ", "\u00a0",
  "\u3000", "\u2028", "    ", "\n    ", "\n\t", " \n", ":\n"];

/// `count` texts: those by hand, blanks in all places, and as many drawn ones as are left.
export function texts(count, seed) {
  const draw = drawer(seed);
  const pick = list => list[draw(list.length)];
  const out = [...byHand];
  for (const c of [...blanks, ...noBlanks].map(p => at(p)))
    out.push(c, `a${c}b`, `a${c}${c}b`, `a ${c} b${c}`, `1${c}\n${c}.`);
  for (let n = 1; n <= 30; ++n) out.push(" ".repeat(n) + "x", "x" + " ".repeat(n), "\n".repeat(n) + " y", "\t".repeat(n));
  const word = () => {
    if (draw(3) === 0) return pick(words);
    const [first, last] = pick(scripts);
    let text = "";
    for (let n = 1 + draw(draw(4) === 0 ? 14 : 5); n > 0; --n) {
      text += at(first + draw(last - first + 1));
      if (draw(12) === 0) text += at(0x300 + draw(0x70));
    }
    return text;
  };
  while (out.length < count) {
    let text = draw(4) === 0 ? pick(gaps) : "";
    for (let n = 1 + draw(9); n > 0; --n) text += word() + (n > 1 || draw(4) === 0 ? pick(gaps) : "");
    out.push(text);
  }
  return out.slice(0, count);
}
