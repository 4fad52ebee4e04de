package dev.lowrank.engine.spec;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpecRefusalsTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                // Names and shapes.
                "'methods': 'lora'                                         | methods                | did you mean \"method\"?",
                "'method': 'lorra'                                         | method                 | lora, qlora, dpo, full, bottleneck, prefix-tuning, prompt-tuning, ia3",
                "'adapter': {'rnak': 8}                                    | adapter.rnak           | did you mean \"rank\"?",
                "'adapter': {'rsLora': true}                               | adapter.rsLora         | did you mean \"rslora\"?",
                "'quantization': {'typ': 'nf4'}                            | quantization.typ       | did you mean \"type\"?",
                "'quantization': 'nf4'                                     | quantization           | must be an object",
                "'quantization': {'type': 'int8'}                          | quantization.type      | none, nf4",
                "'training': {'early_stoping': {}}                         | training.early_stoping | did you mean \"early_stopping\"?",
                "'training': {'early_stopping': {'patients': 3}}           | training.early_stopping.patients | did you mean \"patience\"?",
                "'training': {'early_stopping': true}                      | training.early_stopping | must be an object",
                "'training': 3                                             | training               | must be an object",
                "'adapter': {'rank': '8'}                                  | adapter.rank           | must be a whole number",
                "'adapter': {'target_modules': 'q_proj'}                   | adapter.target_modules | a list of module names",
                "'adapter': {'rank_pattern': {'q_proj': 1.5}}              | adapter.rank_pattern.q_proj | must be a whole number",
                "'adapter': {'rank_pattern': ['q_proj']}                   | adapter.rank_pattern   | an object of module names",
                "'adapter': {'layers': [0.5]}                              | adapter.layers         | a list of whole numbers",
                "'adapter': {'dora': 1}                                    | adapter.dora           | true or false",
                "'training': {'betas': [0.9]}                              | training.betas         | a list of two numbers",
                "'training': {'learning_rate': 1e999}                      | training.learning_rate | must be a number",
                "'training': {'packing': 'yes'}                            | training.packing       | true or false",
                // Values.
                "'adapter': {'rank': 0}                                    | adapter.rank           | between 1 and 4096",
                "'adapter': {'alpha': 0}                                   | adapter.alpha          | must be positive",
                "'adapter': {'dropout': 1}                                 | adapter.dropout        | less than 1",
                "'adapter': {'target_modules': []}                         | adapter.target_modules | nothing would be trained",
                "'adapter': {'target_modules': ['all-linear', 'q_proj']}   | adapter.target_modules | say it alone",
                "'adapter': {'target_modules': ['q_proj', 'q_proj']}       | adapter.target_modules | twice",
                "'adapter': {'init': 'loftq'}                              | adapter.init           | kaiming, gaussian, pissa, olora",
                "'adapter': {'bias': 'some'}                               | adapter.bias           | none, all, lora_only",
                "'adapter': {'rank_pattern': {'q_proj': 0}}                | adapter.rank_pattern.q_proj | between 1 and 4096",
                "'adapter': {'alpha_pattern': {'q_proj': -1}}              | adapter.alpha_pattern.q_proj | must be positive",
                "'adapter': {'rank_pattern': {'(q_proj': 4}}               | adapter.rank_pattern   | no pattern for module names",
                "'adapter': {'layers': []}                                 | adapter.layers         | nothing would be trained",
                "'adapter': {'layers': [-1]}                               | adapter.layers         | numbered from 0",
                "'adapter': {'layers': [1, 1]}                             | adapter.layers         | each layer once",
                "'training': {'learning_rate': -1}                         | training.learning_rate | must be positive",
                "'training': {'schedule': 'linera'}                        | training.schedule      | constant, linear, cosine",
                "'training': {'dtype': 'float16'}                          | training.dtype         | auto, float32, bfloat16",
                "'training': {'gradient_checkpointing': true}              | training.gradient_checkpointing | must be a string",
                "'training': {'gradient_checkpointing': 'full'}            | training.gradient_checkpointing | auto, none, layer",
                "'training': {'optimizer': 'sgd'}                          | training.optimizer     | adamw, adamw8bit",
                "'training': {'neftune_alpha': -5}                         | training.neftune_alpha | 0 (off)",
                "'training': {'evaluate_every_steps': -1}                  | training.evaluate_every_steps | 0 switches it off",
                "'method': 'dpo', 'training': {'beta': 0}                  | training.beta          | must be positive",
                "'method': 'bottleneck', 'adapter': {'size': 0}            | adapter.size           | between 1 and 65536",
                "'method': 'bottleneck', 'adapter': {'activation': 'mish'} | adapter.activation     | relu, gelu, silu, tanh",
                "'method': 'bottleneck', 'adapter': {'placement': 'lora'}  | adapter.placement      | houlsby, pfeiffer",
                "'method': 'prefix-tuning', 'adapter': {'virtual_tokens': 0} | adapter.virtual_tokens | between 1 and 65536",
                "'method': 'prompt-tuning', 'adapter': {'init': 'zero'}    | adapter.init           | random, text",
                // One section against another.
                "'method': 'qlora', 'quantization': {'type': 'none'}       | quantization.type      | say method \"lora\"",
                "'method': 'lora', 'quantization': {'type': 'nf4'}         | quantization.type      | say method \"qlora\"",
                "'method': 'full', 'quantization': {'type': 'nf4'}         | quantization.type      | say method \"qlora\"",
                "'quantization': {'double': true}                          | quantization.double    | say type \"nf4\"",
                "'quantization': {'type': 'none', 'double': false}         | quantization.double    | say type \"nf4\"",
                "'quantization': {'type': 'none', 'doubel': false}         | quantization.doubel    | did you mean \"double\"?",
                "'adapter': {'init': 'pissa', 'rslora': true}              | adapter.rslora         | conversion to plain LoRA",
                "'adapter': {'init': 'olora', 'dora': true}                | adapter.dora           | init \"olora\"",
                "'adapter': {'init': 'pissa', 'rank_pattern': {'q_proj': 2}} | adapter.rank_pattern | one rank",
                "'adapter': {'init': 'olora', 'alpha_pattern': {'q_proj': 2}} | adapter.alpha_pattern | one scale",
                "'method': 'qlora', 'adapter': {'init': 'pissa'}           | adapter.init           | full precision",
                "'method': 'qlora', 'adapter': {'init': 'olora'}           | adapter.init           | full precision",
                "'method': 'dpo', 'quantization': {'type': 'nf4'}, 'adapter': {'init': 'pissa'} | adapter.init | full precision",
                "'method': 'dpo', 'adapter': {'init': 'olora'}             | adapter.init           | compares with the base as it was",
                "'method': 'dpo', 'adapter': {'bias': 'all'}               | adapter.bias           | say \"none\"",
                "'adapter': {'target_modules': ['q_proj'], 'modules_to_save': ['q_proj']} | adapter.modules_to_save | not both",
                "'method': 'prompt-tuning', 'adapter': {'init': 'text'}    | adapter.init_text      | is missing",
                "'method': 'prompt-tuning', 'adapter': {'init_text': 'hi'} | adapter.init_text      | say init \"text\"",
                "'method': 'ia3', 'adapter': {'target_modules': ['k_proj'], 'feedforward_modules': ['down_proj']} | adapter.feedforward_modules | add it there",
                "'method': 'full', 'initial_adapter': 'x'                  | initial_adapter        | has no adapter",
                "'method': 'bottleneck', 'initial_adapter': 'x'            | initial_adapter        | no format",
                "'initial_adapter': 'x', 'adapter': {'init': 'gaussian'}   | adapter.init           | there already",
                "'initial_adapter': 'x', 'adapter': {'rank': 0}            | adapter.rank           | between 1 and 4096",
                "'initial_adapter': 'x', 'adapter': {'rnak': 1}            | adapter.rnak           | did you mean \"rank\"?",
                "'training': {'evaluate_every_steps': 5}                   | training.evaluate_every_steps | validation_file",
                "'validation_file': 'v', 'training': {'early_stopping': {'patience': 2}} | training.early_stopping | set training.evaluate_every_steps",
                "'validation_file': 'v', 'training': {'keep': 'best-and-last'} | training.keep      | set training.evaluate_every_steps",
                "'validation_file': 'v', 'training': {'evaluate_every_steps': 5, 'early_stopping': {'patience': 0}} | training.early_stopping.patience | at least 1",
                "'validation_file': 'v', 'training': {'evaluate_every_steps': 5, 'early_stopping': {'min_delta': -1}} | training.early_stopping.min_delta | must not be negative",
                "'method': 'dpo', 'training': {'packing': true}            | training.packing       | a row of its own",
                "'method': 'dpo', 'training': {'neftune_alpha': 5}         | training.neftune_alpha | reference",
                "'method': 'dpo', 'training': {'train_on': 'all'}          | training.train_on      | say \"assistant\"",
                "'method': 'dpo', 'format': 'chat'                         | format                 | a chosen and a rejected answer",
                "'method': 'prefix-tuning', 'training': {'packing': true}  | training.packing       | virtual tokens",
                "'method': 'prompt-tuning', 'training': {'packing': true}  | training.packing       | virtual tokens",
                // A key of another method.
                "'training': {'beta': 0.1}                                 | training.beta          | no meaning for method \"lora\"; it belongs to \"dpo\"",
                "'method': 'prefix-tuning', 'adapter': {'rank': 8}         | adapter.rank           | no meaning for method \"prefix-tuning\"; it belongs to \"lora\", \"qlora\", \"dpo\"",
                "'method': 'ia3', 'adapter': {'virtual_tokens': 8}         | adapter.virtual_tokens | it belongs to \"prefix-tuning\", \"prompt-tuning\"",
                "'method': 'bottleneck', 'adapter': {'target_modules': 'all-linear'} | adapter.target_modules | it belongs to \"lora\", \"qlora\", \"dpo\", \"ia3\"",
                "'method': 'lora', 'adapter': {'size': 8}                  | adapter.size           | it belongs to \"bottleneck\"",
                "'method': 'dpo', 'adapter': {'feedforward_modules': ['x']} | adapter.feedforward_modules | it belongs to \"ia3\"",
                "'method': 'prefix-tuning', 'adapter': {'init': 'random'}  | adapter.init           | it belongs to \"lora\", \"qlora\", \"dpo\", \"prompt-tuning\"",
                "'method': 'full', 'adapter': {'rank': 8}                  | adapter.rank           | no meaning for method \"full\"",
            })
    void wrongFieldIsNamedWithTheRemedy(String more, String field, String remedy) {
        SpecTexts.assertRefused(SpecTexts.with(more.replace('\'', '"')), field, remedy);
    }

    @Test
    void requiredFieldsAreAskedFor() {
        SpecTexts.assertRefused("{\"training_file\": \"t\"}", "base_model", "required");
        SpecTexts.assertRefused("{\"training_file\": \"t\", \"base_model\": \"\"}", "base_model", "required");
        SpecTexts.assertRefused("{\"base_model\": \"b\"}", "training_file", "required");
        SpecTexts.assertRefused("[]", "spec", "JSON object");
    }
}
