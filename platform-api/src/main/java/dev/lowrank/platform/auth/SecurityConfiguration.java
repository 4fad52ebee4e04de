package dev.lowrank.platform.auth;

import dev.lowrank.platform.contract.ApiException;
import dev.lowrank.platform.contract.ErrorWriter;
import jakarta.servlet.DispatcherType;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatus;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configurers.AbstractHttpConfigurer;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.web.AuthenticationEntryPoint;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.access.AccessDeniedHandler;
import org.springframework.security.web.authentication.AnonymousAuthenticationFilter;

/**
 * Nothing is open unless it is named here. The API's chain comes first, the console's own chain stands between it and the
 * last one ({@link #CONSOLE_ORDER}), and the last denies every address that no chain before it has taken.
 */
@Configuration(proxyBeanMethods = false)
public class SecurityConfiguration {
    /** Where the console's chain belongs; it must name its addresses in a security matcher. */
    public static final int CONSOLE_ORDER = 20;

    private static final int API_ORDER = 10;
    private static final int LAST_ORDER = 1000;

    @Bean
    @Order(API_ORDER)
    SecurityFilterChain apiChain(HttpSecurity http, KeyCheck keys, ErrorWriter errors) throws Exception {
        AuthenticationEntryPoint noKey = (request, response, cause) -> errors.write(response, invalidKey());
        return stateless(http)
                .securityMatcher("/v1/**")
                .addFilterBefore(new BearerKeyFilter(keys), AnonymousAuthenticationFilter.class)
                .authorizeHttpRequests(requests -> requests.dispatcherTypeMatchers(DispatcherType.ERROR)
                        .permitAll()
                        .anyRequest()
                        .authenticated())
                .exceptionHandling(handling -> handling.authenticationEntryPoint(noKey))
                .build();
    }

    @Bean
    @Order(LAST_ORDER)
    SecurityFilterChain lastChain(HttpSecurity http, ErrorWriter errors) throws Exception {
        // Whoever may not see an address is told what he would be told if it were not there.
        AuthenticationEntryPoint nothing = (request, response, cause) -> errors.write(response, nothingHere());
        AccessDeniedHandler nothingEither = (request, response, cause) -> errors.write(response, nothingHere());
        return stateless(http)
                .authorizeHttpRequests(requests -> requests.dispatcherTypeMatchers(DispatcherType.ERROR)
                        .permitAll()
                        .requestMatchers(HttpMethod.GET, "/livez", "/readyz", "/d/**")
                        .permitAll()
                        .requestMatchers(HttpMethod.HEAD, "/d/**")
                        .permitAll()
                        .anyRequest()
                        .denyAll())
                .exceptionHandling(
                        handling -> handling.authenticationEntryPoint(nothing).accessDeniedHandler(nothingEither))
                .build();
    }

    /** Keys travel in a header that no browser sends by itself, so there is nothing to forge. */
    private static HttpSecurity stateless(HttpSecurity http) throws Exception {
        return http.csrf(AbstractHttpConfigurer::disable)
                .sessionManagement(sessions -> sessions.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
                .requestCache(AbstractHttpConfigurer::disable)
                .logout(AbstractHttpConfigurer::disable)
                .formLogin(AbstractHttpConfigurer::disable)
                .httpBasic(AbstractHttpConfigurer::disable);
    }

    private static ApiException invalidKey() {
        return new ApiException(
                HttpStatus.UNAUTHORIZED,
                "invalid_api_key",
                null,
                "The API key is missing, wrong or revoked: send a valid one as \"Authorization: Bearer lr_…\".");
    }

    private static ApiException nothingHere() {
        return new ApiException(
                HttpStatus.NOT_FOUND,
                "unknown_url",
                null,
                "There is nothing at this address: the API begins with /v1, see docs/api.md.");
    }
}
