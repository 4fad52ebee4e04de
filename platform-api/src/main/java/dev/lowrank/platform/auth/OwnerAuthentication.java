package dev.lowrank.platform.auth;

import dev.lowrank.db.access.Owner;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.security.authentication.AbstractAuthenticationToken;

/** A request made on behalf of a project; its principal is the {@link Owner}. */
public final class OwnerAuthentication extends AbstractAuthenticationToken {
    private static final long serialVersionUID = 1;

    @SuppressWarnings("serial") // never leaves this process
    private final transient Owner owner;

    public OwnerAuthentication(Owner owner) {
        super(List.of());
        this.owner = owner;
        setAuthenticated(true);
    }

    @Override
    public Owner getPrincipal() {
        return owner;
    }

    @Override
    public String getCredentials() {
        return "";
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof OwnerAuthentication that && super.equals(that) && owner.equals(that.owner);
    }

    @Override
    public int hashCode() {
        return owner.hashCode();
    }
}
