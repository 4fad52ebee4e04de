package dev.lowrank.platform.models;

import dev.lowrank.db.access.Owner;
import dev.lowrank.db.model.BaseModel;
import dev.lowrank.db.model.FineTunedModel;
import dev.lowrank.db.model.Models;
import dev.lowrank.platform.models.ModelBody.Details;
import dev.lowrank.platform.web.ApiException;
import dev.lowrank.platform.web.ListBody;
import java.util.List;
import java.util.stream.Stream;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** {@code /v1/models}. */
@RestController
@RequestMapping("/v1/models")
class ModelsController {
    private final Models models;

    ModelsController(Models models) {
        this.models = models;
    }

    @GetMapping
    ListBody<ModelBody> list(@AuthenticationPrincipal Owner owner) {
        return ListBody.of(all(owner), ModelBody::id);
    }

    @GetMapping("/{id}")
    ModelBody get(@AuthenticationPrincipal Owner owner, @PathVariable String id) {
        return all(owner).stream()
                .filter(model -> model.id().equals(id))
                .findFirst()
                .orElseThrow(() -> ApiException.notFound("model", id, "model"));
    }

    @DeleteMapping("/{id}")
    void delete(@AuthenticationPrincipal Owner owner, @PathVariable String id) {
        get(owner, id);
        throw ApiException.badRequest(
                "Models cannot be deleted in this version; nothing was changed.", "model", "unsupported");
    }

    private List<ModelBody> all(Owner owner) {
        return Stream.concat(
                        models.bases().stream().map(ModelsController::base),
                        models.fineTuned(owner.projectId()).stream().map(ModelsController::fineTuned))
                .toList();
    }

    private static ModelBody base(BaseModel base) {
        return new ModelBody(
                base.name(),
                "model",
                base.createdAt().getEpochSecond(),
                "lowrank",
                null,
                new Details("base", base.parameters(), base.sha256(), null, null));
    }

    private static ModelBody fineTuned(FineTunedModel model) {
        return new ModelBody(
                model.name(),
                "model",
                model.createdAt().getEpochSecond(),
                model.organizationId(),
                null,
                new Details("fine_tuned", null, null, model.baseModel(), model.jobId()));
    }
}
