#!/usr/bin/env python3
"""Writes small/NAME/tokenizer.json, small tokenizers of every kind of model, and small/cases.json: texts with the ids,
offsets and texts that the tokenizers library gives for them. A tokenizer.json that is there is kept. Run with tokenizers 0.23.3 installed:
python3 tests/tokenizers/make_small.py

A case is {"text", "special", "resized", "parse", "ids", "tokens": [first, last] in bytes, "decoded", "decoded_plain"}; "special" says
whether the post-processor ran, "parse" whether names of special tokens in the text were read as such, "resized"
whether the normalizer made more or fewer characters of it (the library then says of some tokens that they come from one of
several characters), "decoded_plain" is
the text without special tokens. "broken" holds ids that spell no whole characters, and what they decode to."""
import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = [
    "The quick brown fox jumps over the lazy dog. The dog, it's said, didn't mind; they'd seen foxes before.",
    "A model is trained on text, and the text is cut into tokens. Tokens are counted, and counts decide what is merged.",
    "In 2024 there were 1,234 measurements of 56 models: 78.9 % of them were repeated, 10 times or 100 times each.",
    "def answer(question):\n    for word in question.split():\n        if word == 'stop':\n            return None\n",
    "Le caf\u00e9 est tr\u00e8s cher \u00e0 No\u00ebl; l'\u00e9t\u00e9 dernier, il \u00e9tait d\u00e9j\u00e0 ferm\u00e9.",
    "Die K\u00f6nigin \u00fcber die Stra\u00dfe f\u00fchren, sch\u00f6ne Gr\u00fc\u00dfe aus M\u00fcnchen.",
    "\u041c\u043e\u0441\u043a\u0432\u0430 \u0438 \u043c\u043e\u0440\u0435, \u043c\u0438\u0440 \u0438 \u0432\u043e\u0439\u043d\u0430.",
    "\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u3002 \u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\u3067\u3059\u3002",
    "the theme of the thesis is that these things are theirs and not those of the others there",
] * 4

TEXTS = [
    "", " ", "   ", "\n", "a", " a", "a ", "  a  b   c  ", "The quick brown fox", "the the the", "Hello, world!",
    "it's they'd we'll I'M don't", "1234567890 3.14 1,000", "tab\tand\nline\r\nbreak\n\n\nthree", "caf\u00e9 cafe\u0301",
    "Stra\u00dfe STRASSE \u0130stanbul", "\u4eca\u5929\u5929\u6c14", "\u65e5\u672c\u8a9eabc\u306e", "\u041c\u043e\u0441\u043a\u0432\u0430",
    "\U0001F600 \U0001F468\u200d\U0001F469\u200d\U0001F467 \U0001F1E9\U0001F1EA", "a\u00a0b\u2003c\u200bd\u3000e", "\ufeffstart",
    "unknownwordthatisverylong" * 5, "\u2581already\u2581there", "##suffix ##ing", "def f(x):\n    return x\n",
    "<s>", "<s> text </s>", "text<s>text", "a <mask> b", "a<mask>b", "<s", "</s></s>", "<unk> and <0x41>",
    "[CLS] and [SEP]", "\u0e01\u0e33\u0e25\u0e31\u0e07", "\u0627\u0644\u0633\u0644\u0627\u0645", "x" * 120, "\ufb01ne \u2460 \u00bd \u212b",
    "\u0000nul\u0007bell", "mixed CASE Words", "e\u0301\u0301\u0301", "\u1e9b\u0323", "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab",
]


def template(tokenizer, first, last):
    ids = [(name, tokenizer.token_to_id(name)) for name in (first, last)]
    return processors.TemplateProcessing(single=f"{first} $A {last}", pair=f"{first} $A {last} $B {last}",
                                         special_tokens=ids)


def byte_bpe():
    """As GPT-2 and Qwen: bytes as letters, NFC, a pattern of words."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    pattern = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=400, show_progress=False, special_tokens=["<s>", "</s>"],
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    return tokenizer


def metaspace_bpe():
    """As Llama 2: spaces as U+2581, characters that are not known as bytes, <s> in front."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(content=" ", left=1, right=0)])
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=460, show_progress=False, special_tokens=special, limit_alphabet=60)
    # Without a pre-tokenizer the trainer would merge across words: cut at the blanks for training alone.
    tokenizer.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.pre_tokenizer = None
    state = json.loads(tokenizer.to_str())
    # Byte tokens are of the vocabulary, not special: as the converter of transformers leaves them.
    state["added_tokens"] = [token for token in state["added_tokens"] if not token["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])
    return tokenizer


def word_piece():
    """As BERT, without case and accents."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    trainer = trainers.WordPieceTrainer(vocab_size=330, show_progress=False,
                                        special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "<s>", "</s>", "<mask>"])
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = template(tokenizer, "[CLS]", "[SEP]")
    return tokenizer


def unigram():
    """As T5: pieces with scores, NFKC, spaces as U+2581."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="\u2581", prepend_scheme="always")
    trainer = trainers.UnigramTrainer(vocab_size=330, show_progress=False, unk_token="<unk>",
                                      special_tokens=["<unk>", "<s>", "</s>", "<mask>"])
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))])
    return tokenizer


def case(tokenizer, text, special, parse):
    tokenizer.encode_special_tokens = not parse
    found = tokenizer.encode(text, add_special_tokens=special)
    place = [len(text[:at].encode()) for at in range(len(text) + 1)]
    normal = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer is not None else text
    resized = len(normal) - normal.startswith("\u2581") + text.startswith("\u2581") != len(text)
    return {"text": text, "special": special, "resized": resized, "parse": parse, "ids": found.ids,
            "tokens": [[place[first], place[last]] for first, last in found.offsets],
            "decoded": tokenizer.decode(found.ids, skip_special_tokens=False),
            "decoded_plain": tokenizer.decode(found.ids, skip_special_tokens=True)}


def broken(tokenizer):
    """Each text's ids without the first, without the last, and backwards: pieces of characters come apart."""
    rows = []
    for text in TEXTS:
        tokenizer.encode_special_tokens = True
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        for part in (ids[1:], ids[:-1], ids[::-1]):
            rows.append({"ids": part, "decoded": tokenizer.decode(part, skip_special_tokens=True)})
    return rows


def main():
    folder = pathlib.Path(__file__).parent / "small"
    cases = {}
    for make in (byte_bpe, metaspace_bpe, word_piece, unigram):
        name = make.__name__
        path = folder / name / "tokenizer.json"
        if not path.exists():  # the trainers settle ties otherwise in every run
            path.parent.mkdir(parents=True, exist_ok=True)
            make().save(str(path), pretty=False)
        tokenizer = Tokenizer.from_file(str(path))
        rows = [case(tokenizer, text, special, parse)
                for text in TEXTS for special, parse in ((False, True), (True, True), (False, False))]
        cases[name] = {"size": tokenizer.get_vocab_size(with_added_tokens=True), "cases": rows,
                       "broken": broken(tokenizer)}
    with open(folder / "cases.json", "w") as out:
        out.write("{")
        out.write(",".join(
            f'\n"{name}": {{"size": {entry["size"]}, "cases": [\n'
            + ",\n".join(json.dumps(row) for row in entry["cases"]) + '],\n"broken": [\n'
            + ",\n".join(json.dumps(row) for row in entry["broken"]) + "]}" for name, entry in cases.items()))
        out.write("\n}\n")


main()
