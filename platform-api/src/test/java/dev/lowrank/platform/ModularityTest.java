package dev.lowrank.platform;

import org.junit.jupiter.api.Test;
import org.springframework.modulith.core.ApplicationModules;

class ModularityTest {
    @Test
    void modulesUseOnlyWhatOthersOffer() {
        ApplicationModules.of(PlatformApplication.class).verify();
    }
}
