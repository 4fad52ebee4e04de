#!/usr/bin/env python3
"""Makes the tokenizer of the tests, and what Hugging Face transformers says to texts and rows, for the tests to compare with.

    python make.py FOLDER

Needs the packages tokenizers and transformers. The corpus is our own; the same versions give the same files.
"""
import json, pathlib, sys
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
SPECIAL = ["<|pad|>", "<|bos|>", "<|eos|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
CORPUS = [
    "The ferry leaves the harbour at nine and comes back before the evening tide.",
    "Where does the ferry leave? The ferry leaves at the harbour.",
    "A baker bakes bread, a painter paints boats, and the harbour master counts the boats.",
    "When the tide is low the boats lie on the sand; when the tide is high they float again.",
    "Answer briefly. Name the boat. Name the harbour. Count the boats before the evening.",
    "It's the painter's boat, they're the baker's loaves, and we'll leave at nine.",
] * 4
t = Tokenizer(models.BPE())
t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
t.decoder = decoders.ByteLevel()
t.post_processor = processors.ByteLevel(trim_offsets=False)
t.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=400, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
t.save(str(out / "tokenizer.json"))
config = {"tokenizer_class": "TokenizersBackend", "bos_token": "<|bos|>", "eos_token": {"__type": "AddedToken", "content": "<|eos|>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True},
          "pad_token": "<|pad|>", "model_max_length": 1000000000000000019884624838656, "clean_up_tokenization_spaces": False}
(out / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
(out / "chat_template.jinja").write_text("{{ bos_token }}{% for m in messages %}{{ '<|' + m['role'] + '|>' }}{{ m['content'] }}{{ '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}")
tok = AutoTokenizer.from_pretrained(out)

TEXTS = ["", "The ferry", " The  ferry\n\tleaves ", "na\u00efve caf\u00e9", "cafe\u0301 e\u0301\u0302", "\u6e2f\u53e3\u306e\u8239", "boat \U0001f6a2 and \U0001f469\u200d\U0001f680!",
         "<|user|>Where?<|end|><|assistant|>", "a<|end|>b", "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627", "\U0001d54f\U0001d550 tide", "\ufeffboat", "tide\r\nlow", "1234567 3.14"]
with open(out / "encodings.jsonl", "w", encoding="utf-8") as f:
    for x in TEXTS:
        e = tok(x, add_special_tokens=False, return_offsets_mapping=True)
        f.write(json.dumps({"text": x, "ids": e["input_ids"], "starts": [o[0] for o in e["offset_mapping"]], "decoded": tok.decode(e["input_ids"])}) + "\n")

U, A, S = ({"role": r} for r in ("user", "assistant", "system"))
ROWS = [
    {"messages": [{**U, "content": "Where does the ferry leave?"}, {**A, "content": "At the harbour."}]},
    {"messages": [{**S, "content": "Answer briefly."}, {**U, "content": "Name the boat. \U0001f6a2"}, {**A, "content": "Caf\u00e9 \u6e2f."}, {**U, "content": "Again?"}, {**A, "content": "The same \U0001f6a2!"}]},
    {"messages": [{**U, "content": "Count."}, {**A, "content": "One, two.", "weight": 0}, {**U, "content": "On."}, {**A, "content": "Three.", "weight": 1}]},
    {"messages": [{**U, "content": "Count the boats before the evening tide, and then count them again."}, {**A, "content": "A painter paints boats."}]},
    {"prompt": "The tide is", "completion": " low."},
    {"prompt": "Name a boat \U0001f6a2:", "completion": "\U0001f6a2\u00e9"},
    {"prompt": "", "completion": "When the tide is high they float again."},
]


def encode(row, every):
    spans = []
    if "messages" in row:
        m = row["messages"]
        full = tok.apply_chat_template(m, tokenize=False)
        for i, x in enumerate(m):
            if x["role"] == "assistant" and x.get("weight", 1) != 0:
                spans.append((len(tok.apply_chat_template(m[:i], tokenize=False, add_generation_prompt=True)), len(tok.apply_chat_template(m[:i + 1], tokenize=False))))
    else:
        full, spans = row["prompt"] + row["completion"], [(len(row["prompt"]), len(row["prompt"]) + len(row["completion"]))]
    e = tok(full, add_special_tokens=False, return_offsets_mapping=True)
    return e["input_ids"], [i if every or any(s <= o[0] < z for s, z in spans) else -100 for i, o in zip(e["input_ids"], e["offset_mapping"])]


with open(out / "rows.jsonl", "w", encoding="utf-8") as f:
    for row in ROWS:
        ids, labels = encode(row, False)
        f.write(json.dumps({"row": row, "ids": ids, "labels": labels, "all": encode(row, True)[1]}) + "\n")
