#!/usr/bin/env python3
"""Makes the fixture that the engine's conformance tests run on: a tiny Llama with random weights, rows, a first adapter,
and what PyTorch + transformers + PEFT compute from them (fp32, CPU).

    python make_llama_fixture.py ../resources/fixtures/llama-tiny
"""
import json, math, pathlib, random, sys
import torch, transformers as tf
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file

out = pathlib.Path(sys.argv[1])
torch.manual_seed(7), random.seed(7)
config = tf.LlamaConfig(vocab_size=96, hidden_size=32, intermediate_size=72, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                        head_dim=8, max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=True, initializer_range=0.15,
                        bos_token_id=1, eos_token_id=2, pad_token_id=0)
model = tf.LlamaForCausalLM(config).to(torch.bfloat16)
for name, p in model.named_parameters():
    if "norm" in name:
        p.data = (1 + 0.2 * torch.randn_like(p.float())).to(torch.bfloat16)
model.save_pretrained(out / "model")
load = lambda: tf.AutoModelForCausalLM.from_pretrained(out / "model", dtype=torch.float32)

rows = []
for _ in range(10):
    ids = [random.randrange(3, 96) for _ in range(random.randrange(4, 24))]
    asked = random.randrange(1, len(ids) - 1)
    rows.append((ids, [-100] * asked + ids[asked:]))
(out / "rows.jsonl").write_text("".join(json.dumps(dict(input_ids=i, labels=l)) + "\n" for i, l in rows))


def loss_sum(m, group):
    n = max(len(i) for i, _ in group)
    ids = torch.tensor([i + [0] * (n - len(i)) for i, _ in group])
    mask = torch.tensor([[1] * len(i) + [0] * (n - len(i)) for i, _ in group])
    labels = torch.tensor([l + [-100] * (n - len(l)) for _, l in group])
    logits = m(input_ids=ids, attention_mask=mask).logits
    return torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, 96), labels[:, 1:].reshape(-1), ignore_index=-100, reduction="sum")


def train(m, peak, schedule, decay, steps=8, warm=2):
    params = [p for p in m.parameters() if p.requires_grad]
    opt = torch.optim.AdamW(params, lr=1, betas=(0.9, 0.999), eps=1e-8, weight_decay=decay)
    micro = [rows[i:i + 3] for _ in range(4) for i in range(0, len(rows), 3)]
    trace = []
    for s in range(steps):
        group = micro[2 * s:2 * s + 2]
        n = sum(sum(v != -100 for v in l[1:]) for g in group for _, l in g)
        x = (s - warm) / (steps - warm)
        lr = peak * (s + 1) / warm if s < warm else peak * (1 - x) if schedule == "linear" else peak / 2 * (1 + math.cos(math.pi * x))
        opt.param_groups[0]["lr"] = lr
        opt.zero_grad()
        total = 0.0
        for g in group:
            loss = loss_sum(m, g) / n
            loss.backward()
            total += float(loss.detach())
        norm = float(torch.nn.utils.clip_grad_norm_(params, 1.0))
        opt.step()
        trace.append(dict(step=s, loss=total, grad_norm=norm, learning_rate=lr, trained_tokens=n))
    return trace


base = load()
with torch.no_grad():
    logits = [base(input_ids=torch.tensor([i])).logits[0] for i, _ in rows[:3]]
save_file({f"logits.{k}": v.contiguous() for k, v in enumerate(logits)}, out / "forward.safetensors")
lora = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules="all-linear"))
lora.save_pretrained(out / "initial-adapter")
(out / "lora-trace.json").write_text(json.dumps(train(lora, 5e-3, "linear", 0.01), indent=1))
lora.save_pretrained(out / "trained-adapter")
(out / "full-trace.json").write_text(json.dumps(train(load(), 1e-3, "cosine", 0.01), indent=1))
for extra in out.glob("*/README.md"):
    extra.unlink()
for config in out.glob("*/adapter_config.json"):
    text = json.loads(config.read_text())
    text["base_model_name_or_path"] = "llama-tiny"
    config.write_text(json.dumps(text, indent=1))
