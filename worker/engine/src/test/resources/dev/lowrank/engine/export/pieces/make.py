#!/usr/bin/env python3
"""Makes a SentencePiece vocabulary the way Llama 2's looks in tokenizer.json, and its scores as SentencePiece has them.

    python make.py FOLDER

Needs the packages sentencepiece, tokenizers and transformers. The corpus is our own.
"""
import io, json, pathlib, sys
import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors
from transformers.tokenization_utils_base import generate_merges

out = pathlib.Path(sys.argv[1])
CORPUS = [
    "The ferry leaves the harbour at nine and comes back before the evening tide.",
    "Where does the ferry leave? The ferry leaves at the harbour.",
    "A baker bakes bread, a painter paints boats, and the harbour master counts the boats.",
    "When the tide is low the boats lie on the sand; when the tide is high they float again.",
]
model = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(CORPUS), model_writer=model, vocab_size=360, model_type="bpe",
    byte_fallback=True, character_coverage=1.0, normalization_rule_name="identity", remove_extra_whitespaces=False, minloglevel=2)
sp = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
scores = [(sp.id_to_piece(i), sp.get_score(i)) for i in range(len(sp))]
vocab = {piece: i for i, (piece, _) in enumerate(scores)}
t = Tokenizer(models.BPE(vocab, generate_merges(vocab, scores), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
t.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
t.add_special_tokens(["<unk>", "<s>", "</s>"])
t.add_tokens([AddedToken("\u2581\u2581tide", normalized=False)])
t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 1)])
t.save(str(out / "tokenizer.json"), pretty=False)
(out / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}) + "\n")
(out / "scores.json").write_text(json.dumps([score for _, score in scores]) + "\n")
