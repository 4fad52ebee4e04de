package dev.lowrank.platform.models;

import dev.lowrank.db.access.Owner;
import dev.lowrank.db.model.Models;
import dev.lowrank.platform.contract.ApiException;
import dev.lowrank.platform.contract.ListBody;
import java.util.Optional;
import java.util.stream.Stream;
import org.springframework.http.HttpStatus;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** Bases, and what the project's jobs made of them. */
@RestController
@RequestMapping("/v1/models")
class ModelsController {
    private final Models models;

    ModelsController(Models models) {
        this.models = models;
    }

    @GetMapping
    ListBody<ModelBody> list(@AuthenticationPrincipal Owner owner) {
        return ListBody.whole(Stream.concat(
                        models.bases().stream().map(ModelBody::of),
                        models.fineTuned(owner.projectId()).stream().map(ModelBody::of))
                .toList());
    }

    @GetMapping("/{model}")
    ModelBody find(@AuthenticationPrincipal Owner owner, @PathVariable String model) {
        return base(model)
                .or(() -> models.fineTuned(owner.projectId(), model).map(ModelBody::of))
                .orElseThrow(() -> new ApiException(
                        HttpStatus.NOT_FOUND,
                        "model_not_found",
                        "model",
                        "There is no model \"%s\": see /v1/models.".formatted(model)));
    }

    @DeleteMapping("/{model}")
    ModelBody delete(@AuthenticationPrincipal Owner owner, @PathVariable String model) {
        find(owner, model);
        throw ApiException.invalid(
                "not_supported",
                "model",
                base(model).isPresent()
                        ? "A base model cannot be deleted here: take its folder out of the model folder and restart."
                        : "Fine-tuned models cannot be deleted yet; nothing was changed.");
    }

    private Optional<ModelBody> base(String model) {
        return models.base(model).map(ModelBody::of);
    }
}
