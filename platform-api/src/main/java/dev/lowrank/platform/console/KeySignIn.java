package dev.lowrank.platform.console;

import dev.lowrank.platform.auth.ApiKeyCheck;
import java.util.List;
import org.springframework.security.authentication.AuthenticationProvider;
import org.springframework.security.authentication.BadCredentialsException;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.Authentication;

/** Takes an API key in the place of a password and keeps only whose it is. */
final class KeySignIn implements AuthenticationProvider {
    private final ApiKeyCheck keys;

    KeySignIn(ApiKeyCheck keys) {
        this.keys = keys;
    }

    @Override
    public Authentication authenticate(Authentication attempt) {
        return keys.owner(String.valueOf(attempt.getCredentials()).strip())
                .map(owner -> new SignedIn(owner.keyId(), owner.projectId()))
                .map(user -> UsernamePasswordAuthenticationToken.authenticated(user, null, List.of()))
                .orElseThrow(() -> new BadCredentialsException("not a valid key"));
    }

    @Override
    public boolean supports(Class<?> authentication) {
        return UsernamePasswordAuthenticationToken.class.isAssignableFrom(authentication);
    }
}
