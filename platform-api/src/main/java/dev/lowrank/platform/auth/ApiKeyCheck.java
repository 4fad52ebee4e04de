package dev.lowrank.platform.auth;

import dev.lowrank.db.access.ApiKeys;
import dev.lowrank.db.access.Owner;
import java.util.Optional;
import org.springframework.stereotype.Component;

/** Says whose an API key is. */
@Component
public class ApiKeyCheck {
    private final ApiKeys keys;

    ApiKeyCheck(ApiKeys keys) {
        this.keys = keys;
    }

    /** The owner of a key as its user presents it; empty if it is none, unknown or revoked. */
    public Optional<Owner> owner(String presented) {
        return ApiKeyText.parse(presented).flatMap(key -> keys.find(key.prefix(), key.hash()));
    }
}
