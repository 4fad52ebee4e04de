package dev.lowrank.platform.auth;

import dev.lowrank.db.access.ApiKeys;
import java.io.PrintStream;
import org.springframework.boot.ApplicationArguments;
import org.springframework.boot.ApplicationRunner;
import org.springframework.stereotype.Component;

/** Makes the key with which the first person gets in, and shows it once: on stdout, which is not the log. */
@Component
class FirstKey implements ApplicationRunner {
    private final ApiKeys keys;
    private final PrintStream out;

    FirstKey(ApiKeys keys) {
        this.keys = keys;
        this.out = System.out;
    }

    @Override
    public void run(ApplicationArguments arguments) {
        ApiKeyText key = ApiKeyText.fresh();
        if (keys.addFirst("first key", key.prefix(), key.hash())) {
            out.println("The first API key of this server; it is shown this one time, so keep it:");
            out.println(key.text());
            out.flush();
        }
    }
}
