package dev.lowrank.platform.auth;

import dev.lowrank.db.access.Owner;
import dev.lowrank.platform.web.ApiError;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.dao.DataAccessException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.web.filter.OncePerRequestFilter;

/** Lets through who presents a good key, and answers everybody else. */
final class BearerFilter extends OncePerRequestFilter {
    private static final String SCHEME = "Bearer ";

    private final ApiKeyCheck keys;

    BearerFilter(ApiKeyCheck keys) {
        this.keys = keys;
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        Optional<Owner> owner;
        try {
            owner = keys.owner(presented(request));
        } catch (DataAccessException e) {
            response.setHeader("retry-after", "2");
            ApiError.write(
                    response,
                    HttpStatus.SERVICE_UNAVAILABLE,
                    "The database does not answer; try again in a moment.",
                    "internal_error");
            return;
        }
        if (owner.isEmpty()) {
            response.setHeader(HttpHeaders.WWW_AUTHENTICATE, "Bearer");
            ApiError.write(response, HttpStatus.UNAUTHORIZED, refusal(request), "invalid_api_key");
            return;
        }
        SecurityContextHolder.getContext()
                .setAuthentication(UsernamePasswordAuthenticationToken.authenticated(owner.get(), null, List.of()));
        chain.doFilter(request, response);
    }

    private static String presented(HttpServletRequest request) {
        @Nullable String header = request.getHeader(HttpHeaders.AUTHORIZATION);
        return header != null && header.startsWith(SCHEME)
                ? header.substring(SCHEME.length()).strip()
                : "";
    }

    private static String refusal(HttpServletRequest request) {
        return request.getHeader(HttpHeaders.AUTHORIZATION) == null
                ? "You did not give an API key; send it as \"Authorization: Bearer lr_…\"."
                : "This API key is not known here, or was revoked.";
    }
}
