package dev.lowrank.platform.contract;

import java.util.List;
import org.apache.catalina.core.StandardHost;
import org.springframework.boot.jackson.autoconfigure.JsonMapperBuilderCustomizer;
import org.springframework.boot.tomcat.TomcatContextCustomizer;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.MediaType;
import org.springframework.web.accept.ContentNegotiationStrategy;
import org.springframework.web.accept.HeaderContentNegotiationStrategy;
import org.springframework.web.context.request.NativeWebRequest;
import org.springframework.web.servlet.config.annotation.ContentNegotiationConfigurer;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;
import tools.jackson.core.StreamReadFeature;

/** The contract's rules where Spring and Tomcat have others. */
@Configuration(proxyBeanMethods = false)
class ContractConfiguration implements WebMvcConfigurer {
    private static final ContentNegotiationStrategy BY_HEADER = new HeaderContentNegotiationStrategy();

    /** The API speaks JSON whatever a client says it accepts; the console's pages are negotiated as usual. */
    @Override
    public void configureContentNegotiation(ContentNegotiationConfigurer configurer) {
        configurer.strategies(List.of(request ->
                isApi(request) ? List.of(MediaType.APPLICATION_JSON) : BY_HEADER.resolveMediaTypes(request)));
    }

    private static boolean isApi(NativeWebRequest request) {
        return request.getDescription(false).startsWith("uri=/v1/");
    }

    @Bean
    JsonMapperBuilderCustomizer strictJson() {
        return mapper -> mapper.enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION);
    }

    @Bean
    WebServerFactoryCustomizer<TomcatServletWebServerFactory> containerErrors() {
        TomcatContextCustomizer customizer = context -> {
            if (context.getParent() instanceof StandardHost host) {
                host.setErrorReportValveClass(ContainerErrorValve.class.getName());
            }
        };
        return factory -> factory.addContextCustomizers(customizer);
    }
}
