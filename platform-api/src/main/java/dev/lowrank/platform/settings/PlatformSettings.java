package dev.lowrank.platform.settings;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * What an operator can set.
 *
 * @param data folder of everything stored beside the database; workers see the same folder
 * @param models folder whose sub-folders are the bases; workers see the same folder
 * @param publicUrl what download links begin with; null to take the address of the request
 */
@ConfigurationProperties("lowrank")
public record PlatformSettings(
        @DefaultValue("data") Path data,
        @DefaultValue("models") Path models,
        @Nullable String publicUrl) {}
