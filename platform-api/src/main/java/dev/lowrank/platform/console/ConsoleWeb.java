package dev.lowrank.platform.console;

import dev.lowrank.db.job.JobWatch;
import jakarta.servlet.SessionCookieConfig;
import jakarta.servlet.SessionTrackingMode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Set;
import org.springframework.boot.web.servlet.ServletContextInitializer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.io.Resource;
import org.springframework.http.CacheControl;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.util.DigestUtils;
import org.springframework.web.servlet.config.annotation.ResourceHandlerRegistry;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;

/** The console's files, its cookie and what it reads that no other module does. */
@Configuration(proxyBeanMethods = false)
class ConsoleWeb implements WebMvcConfigurer {
    static final String COOKIE = "lowrank_console";

    /** Browsers keep the files but ask each time: by content, as every build of a jar has the same dates inside. */
    @Override
    public void addResourceHandlers(ResourceHandlerRegistry registry) {
        registry.addResourceHandler(ConsoleSecurity.ASSETS + "**")
                .addResourceLocations("classpath:/static" + ConsoleSecurity.ASSETS)
                .setCacheControl(CacheControl.noCache())
                .setUseLastModified(false)
                .setEtagGenerator(ConsoleWeb::etag);
    }

    private static String etag(Resource file) {
        try {
            return DigestUtils.md5DigestAsHex(file.getContentAsByteArray());
        } catch (IOException e) {
            throw new UncheckedIOException("A file of the console cannot be read.", e);
        }
    }

    @Bean
    ServletContextInitializer consoleCookie() {
        return context -> {
            context.setSessionTrackingModes(Set.of(SessionTrackingMode.COOKIE));
            SessionCookieConfig cookie = context.getSessionCookieConfig();
            cookie.setName(COOKIE);
            cookie.setPath(context.getContextPath() + "/console");
            cookie.setHttpOnly(true);
            cookie.setAttribute("SameSite", "Strict");
        };
    }

    @Bean
    JobWatch jobWatch(JdbcClient jdbc) {
        return new JobWatch(jdbc);
    }
}
