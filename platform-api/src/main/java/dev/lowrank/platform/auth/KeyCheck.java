package dev.lowrank.platform.auth;

import dev.lowrank.db.access.ApiKeys;
import dev.lowrank.db.access.Owner;
import java.util.Optional;
import org.springframework.stereotype.Component;

/** Tells whose an API key is; also for the console's sign-in. */
@Component
public class KeyCheck {
    private final ApiKeys keys;

    KeyCheck(ApiKeys keys) {
        this.keys = keys;
    }

    /** Empty if the text is no key, or one that is unknown or revoked. */
    public Optional<Owner> owner(String key) {
        return ApiKeyText.parse(key).flatMap(text -> keys.find(text.prefix(), text.hash()));
    }
}
