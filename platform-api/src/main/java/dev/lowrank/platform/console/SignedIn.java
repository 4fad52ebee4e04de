package dev.lowrank.platform.console;

import java.io.Serializable;
import java.security.Principal;

/** Who uses the console. A session holds this and no more; the key itself is gone once it was checked. */
record SignedIn(String keyId, String projectId) implements Principal, Serializable {
    @Override
    public String getName() {
        return keyId;
    }
}
