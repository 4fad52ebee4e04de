package dev.lowrank.platform.settings;

import java.nio.file.Path;
import org.springframework.boot.context.properties.ConfigurationPropertiesBinding;
import org.springframework.core.convert.converter.Converter;
import org.springframework.stereotype.Component;

/** Reads folders as the operating system does; Spring alone looks for them among web resources and refuses "..". */
@Component
@ConfigurationPropertiesBinding
class FolderConverter implements Converter<String, Path> {
    @Override
    public Path convert(String text) {
        return Path.of(text);
    }
}
