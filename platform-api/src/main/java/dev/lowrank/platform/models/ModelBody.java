package dev.lowrank.platform.models;

import dev.lowrank.db.model.BaseModel;
import dev.lowrank.db.model.FineTunedModel;
import dev.lowrank.platform.contract.UnixTime;
import org.jspecify.annotations.Nullable;

/** A model as the API shows it; what is ours stands under {@code lowrank}. */
record ModelBody(
        String id,
        String object,
        long created,
        String ownedBy,
        @Nullable Long shutdownDate,
        Facts lowrank) {
    /** Digest and size for a base; base and job for what was made of one. */
    record Facts(
            String baseModel,
            @Nullable String sha256,
            @Nullable Long parameters,
            @Nullable String jobId) {}

    static ModelBody of(BaseModel base) {
        return new ModelBody(
                base.name(),
                "model",
                UnixTime.of(base.createdAt()),
                "system",
                null,
                new Facts(base.name(), base.sha256(), base.parameters(), null));
    }

    static ModelBody of(FineTunedModel model) {
        return new ModelBody(
                model.name(),
                "model",
                UnixTime.of(model.createdAt()),
                model.organizationId(),
                null,
                new Facts(model.baseModel(), null, null, model.jobId()));
    }
}
