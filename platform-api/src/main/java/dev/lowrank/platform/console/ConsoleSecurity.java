package dev.lowrank.platform.console;

import dev.lowrank.db.access.ApiKeys;
import dev.lowrank.platform.auth.ApiKeyCheck;
import jakarta.servlet.DispatcherType;
import org.jspecify.annotations.Nullable;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configurers.FormLoginConfigurer;
import org.springframework.security.config.annotation.web.configurers.HeadersConfigurer;
import org.springframework.security.web.AuthenticationEntryPoint;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.access.intercept.AuthorizationFilter;
import org.springframework.security.web.authentication.LoginUrlAuthenticationEntryPoint;
import org.springframework.security.web.header.writers.ReferrerPolicyHeaderWriter.ReferrerPolicy;
import org.springframework.security.web.savedrequest.HttpSessionRequestCache;

/** Who may see the console, and what its pages may do in a browser. */
@Configuration(proxyBeanMethods = false)
class ConsoleSecurity {
    static final String ASSETS = "/console/assets/";

    private static final String SIGN_IN = "/console/login";
    private static final String POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
            + " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    @Bean
    @Order(5) // before the API's, the last of which takes every address
    SecurityFilterChain consoleChain(HttpSecurity http, ApiKeyCheck keys, ApiKeys known) throws Exception {
        return http.securityMatcher("/console", "/console/**")
                .authenticationProvider(new KeySignIn(keys))
                .addFilterBefore(new RevokedKeyFilter(known), AuthorizationFilter.class)
                .authorizeHttpRequests(
                        requests -> requests.dispatcherTypeMatchers(DispatcherType.FORWARD, DispatcherType.ERROR)
                                .permitAll()
                                .requestMatchers(SIGN_IN, ASSETS + "**")
                                .permitAll()
                                .anyRequest()
                                .authenticated())
                .formLogin(ConsoleSecurity::form)
                .logout(logout -> logout.logoutUrl("/console/logout").logoutSuccessUrl(SIGN_IN + "?out"))
                .requestCache(cache -> cache.requestCache(pagesOnly()))
                .exceptionHandling(handling ->
                        handling.authenticationEntryPoint(signInFirst()).accessDeniedPage("/console/refused"))
                .csrf(Customizer.withDefaults())
                .headers(ConsoleSecurity::headers)
                .build();
    }

    private static void form(FormLoginConfigurer<HttpSecurity> form) {
        form.loginPage(SIGN_IN)
                .passwordParameter("key")
                .defaultSuccessUrl("/console")
                // The stock handler would keep the exception, and with it the wrong key, in the session.
                .failureHandler((request, response, error) ->
                        response.sendRedirect(request.getContextPath() + SIGN_IN + "?wrong"));
    }

    @SuppressWarnings("NullAway") // Null is how the parameter is switched off.
    private static HttpSessionRequestCache pagesOnly() {
        HttpSessionRequestCache cache = new HttpSessionRequestCache();
        cache.setRequestMatcher(
                request -> "GET".equals(request.getMethod()) && !wantsJson(request.getHeader(HttpHeaders.ACCEPT)));
        cache.setMatchingRequestParameterName(null);
        return cache;
    }

    /** A script is told in a word; a person is sent to the form. */
    private static AuthenticationEntryPoint signInFirst() {
        AuthenticationEntryPoint form = new LoginUrlAuthenticationEntryPoint(SIGN_IN);
        return (request, response, error) -> {
            if (wantsJson(request.getHeader(HttpHeaders.ACCEPT))) {
                response.setStatus(HttpStatus.UNAUTHORIZED.value());
            } else {
                form.commence(request, response, error);
            }
        };
    }

    private static boolean wantsJson(@Nullable String accept) {
        return MediaType.APPLICATION_JSON_VALUE.equals(accept);
    }

    private static void headers(HeadersConfigurer<HttpSecurity> headers) {
        headers.contentSecurityPolicy(policy -> policy.policyDirectives(POLICY))
                .frameOptions(HeadersConfigurer.FrameOptionsConfig::deny)
                .referrerPolicy(policy -> policy.policy(ReferrerPolicy.NO_REFERRER))
                .permissionsPolicyHeader(
                        policy -> policy.policy("camera=(), geolocation=(), microphone=(), clipboard-write=(self)"));
    }
}
