package dev.lowrank.platform.links;

import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;

/** @param publicUrl where clients reach this server; empty for the name under which they made the request */
@ConfigurationProperties("lowrank")
record LinkSettings(@Nullable String publicUrl) {}
