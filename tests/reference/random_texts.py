"""Seeded random texts that find the differences between two tokenizers.

Pieces from many scripts and habits are glued together: words, code, digits, emoji sequences,
combining marks, runs of white space, control characters, right-to-left text, code points of every
plane (assigned or not) and whatever `snippets` the tokenizer itself knows (added tokens, parts of
them, spellings from its vocabulary).
"""

import random
import unicodedata

WORDS = (
    "the The THE don't I'LL we've they'd isn't it's 'S 'T 'Re Hello world patient's haemoglobin "
    "mg/dL COVID-19 3.14 1,000,000 12345678901 2026-11-23 a b c x1 foo_bar fooBar FooBARBaz __init__ "
    "e.g. http://example.org/?q=1&r=%20 user@host.tld na\u00efve caf\u00e9 cafe\u0301 \u00c5ngstro\u0308m "
    "Stra\u00dfe \u1e9e\u00df \u01c5 \u0130stanbul \u0131 \ufb01ne \u017fo \u212b \u2126 \u00bd \u00b2 \u2460 \u2167 \u3384 "
    "\u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440 \u0439 \u0438\u0306 \u0395\u03bb\u03bb\u03ac\u03b4\u03b1 \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2 "
    "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u0645\u0631\u062d\u0628\u0627 \u0627\u0644\u0639\u064e\u0631\u064e\u0628\u0650\u064a\u0629 \u0661\u0662\u0663 \u06f4\u06f5 "
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0915\u094d\u0937 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \u0e33 \u0bb5\u0ba3\u0b95\u0bcd\u0b95\u0bae\u0bcd "
    "\u65e5\u672c\u8a9e\u3067\u3059 \u30c6\u30b9\u30c8 \uff76\uff9e \uff21\uff22\uff11 \u4f60\u597d\uff0c\u4e16\u754c\u3002 \uc548\ub155\ud558\uc138\uc694 "
    "\u1112\u1161\u11ab \uf900 \U0002f800 \U00020000\U0002a6df \u1e0b\u0323 \u0344 \u0958"
).split()
EMOJI = (
    "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea \u2764\ufe0f "
    "1\ufe0f\u20e3 \U0001f3f4\U000e0067\U000e0062\U000e007f \u2603 \U0001fae8 \U0001f170"
).split()
SPACES = [" ", " ", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\r", "\t", " \n", "\n ", " \t ", "\v", "\f",
          "\u00a0", "\u2009", "\u3000", "\u2028", "\u0085", "\u180e", "\u200b", "\ufeff", "\u1680"]
PUNCTUATION = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + [
    "...", "--", "->", "==", "//", "/*", "*/", "();", "){", "'s", "'", "''", "\u2019s", "\u2026", "\u201c", "\u00bf",
    "\u3001", "\u2581", "\u2581\u2581", "\u0120", "\u20ac", "\u00b0", "\u2022", "\ufffd", "\u061f", "\u0964"]
EDGES = [0x0, 0x1, 0x1f, 0x7f, 0x80, 0x9f, 0xad, 0x300, 0x345, 0x34f, 0x378, 0x61c, 0x7ff, 0x800, 0xe000,
         0xf8ff, 0xd7ff, 0xfdd0, 0xfffe, 0xffff, 0x10000, 0x1fffe, 0xe0001, 0xe01ef, 0xf0000, 0x10fffd, 0x10ffff,
         0x200c, 0x200d, 0x202e, 0x2066, 0x11a7, 0x1161, 0x11a8, 0xac00, 0xac01, 0x3099, 0x309a, 0x1d165]
BLOCKS = [(0x20, 0x7f), (0x80, 0x250), (0x250, 0x530), (0x530, 0x800), (0x800, 0x1200), (0x1200, 0x2000),
          (0x2000, 0x2c00), (0x2c00, 0x3400), (0x3400, 0xa000), (0xa000, 0xd800), (0xe000, 0x10000),
          (0x10000, 0x12000), (0x12000, 0x1e000), (0x1e000, 0x20000), (0x20000, 0x30000), (0x30000, 0x110000)]


class RandomTexts:
    def __init__(self, seed, snippets=(), edge_rate=1.0):
        self.random = random.Random(seed)
        self.snippets = [s for s in snippets if s] or ["<s>"]
        weights = [("word", 24), ("space", 22), ("punctuation", 12), ("digits", 4), ("letters", 6),
                   ("emoji", 3), ("edge", 2 * edge_rate), ("block", 4 * edge_rate), ("marks", 2), ("run", 3),
                   ("snippet", 8), ("upper", 3)]
        self.kinds = [k for k, _ in weights]
        self.weights = [w for _, w in weights]

    def piece(self):
        r = self.random
        kind = r.choices(self.kinds, self.weights)[0]
        if kind == "word":
            return r.choice(WORDS)
        if kind == "space":
            return r.choice(SPACES)
        if kind == "punctuation":
            return r.choice(PUNCTUATION)
        if kind == "digits":
            return "".join(r.choice("0123456789") for _ in range(r.randint(1, 9)))
        if kind == "letters":
            return "".join(r.choice("etaoinshrdluETAO") for _ in range(r.randint(1, 12)))
        if kind == "emoji":
            return r.choice(EMOJI)
        if kind == "edge":
            return chr(r.choice(EDGES))
        if kind == "block":
            low, high = r.choice(BLOCKS)
            return "".join(chr(r.randrange(low, high)) for _ in range(r.randint(1, 4)))
        if kind == "marks":
            base = r.choice("aeoAE\u0915\u05d0\u3042\u1100")
            return base + "".join(chr(r.randrange(0x300, 0x370)) for _ in range(r.randint(1, 4)))
        if kind == "run":
            return r.choice([r.choice(SPACES), r.choice("a-=. \n0"), r.choice(EMOJI), "ab"]) * r.randint(2, 40)
        if kind == "snippet":
            snippet = r.choice(self.snippets)
            if r.random() < 0.2:
                snippet = snippet[: r.randint(1, len(snippet))]
            return snippet
        return r.choice(WORDS).upper()

    def text(self):
        r = self.random
        length = r.choice([0, 1, 1, 2, 3, 4, 6, 8, 12, 20, 40])
        text = "".join(self.piece() for _ in range(length))
        if r.random() < 0.03:
            text = unicodedata.normalize(r.choice(["NFC", "NFD", "NFKC", "NFKD"]), text)
        return text
