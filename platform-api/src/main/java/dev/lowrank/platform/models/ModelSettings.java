package dev.lowrank.platform.models;

import java.nio.file.Path;
import org.springframework.boot.context.properties.ConfigurationProperties;

/** @param models folder whose sub-folders with a config.json are the bases */
@ConfigurationProperties("lowrank")
record ModelSettings(Path models) {}
