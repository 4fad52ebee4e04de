package dev.lowrank.platform.auth;

import dev.lowrank.db.access.ApiKeys;
import java.io.PrintStream;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.ApplicationArguments;
import org.springframework.boot.ApplicationRunner;
import org.springframework.stereotype.Component;

/** Makes the first key of a new installation and prints it, once, to the standard output and never to a log. */
@Component
class FirstKey implements ApplicationRunner {
    private final ApiKeys keys;
    private final PrintStream out;

    @Autowired
    FirstKey(ApiKeys keys) {
        this(keys, System.out);
    }

    FirstKey(ApiKeys keys, PrintStream out) {
        this.keys = keys;
        this.out = out;
    }

    @Override
    public void run(ApplicationArguments args) {
        ApiKeyText key = ApiKeyText.generate();
        if (keys.addFirst("bootstrap", key.prefix(), key.hash())) {
            out.println("The first API key of this installation, shown only this once:");
            out.println(key.text());
            out.flush();
        }
    }
}
