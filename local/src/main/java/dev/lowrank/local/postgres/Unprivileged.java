package dev.lowrank.local.postgres;

import dev.lowrank.local.process.Sessions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * How PostgreSQL is run by the user that we are. It refuses to run as root, so root runs it in a user namespace in
 * which it is nobody (files keep their owner); where namespaces are forbidden, as in many containers, as the user
 * nobody, who then owns the data folder and keeps only the right to walk to it.
 */
enum Unprivileged {
    AS_WE_ARE(List.of()),
    IN_NAMESPACE(List.of("unshare", "-U")),
    AS_NOBODY(List.of(
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--inh-caps=+dac_override",
            "--ambient-caps=+dac_override"));

    private static final int NOBODY = 65534;

    private final List<String> prefix;

    Unprivileged(List<String> prefix) {
        this.prefix = prefix;
    }

    static Unprivileged forThisUser() throws IOException, InterruptedException {
        if (!isRoot()) {
            return AS_WE_ARE;
        }
        for (Unprivileged way : List.of(IN_NAMESPACE, AS_NOBODY)) {
            if (way.works()) {
                return way;
            }
        }
        throw new IOException("PostgreSQL refuses to run as root and neither \"unshare -U\" nor \"setpriv\" works here;"
                + " start Lowrank as an ordinary user, or name a database with --database");
    }

    private static boolean isRoot() throws IOException {
        Path self = Path.of("/proc/self");
        return Files.exists(self)
                ? Integer.valueOf(0).equals(Files.getAttribute(self, "unix:uid"))
                : System.getProperty("user.name").equals("root");
    }

    boolean works() throws InterruptedException {
        if (!prefix.isEmpty() && !Sessions.isOnPath(prefix.getFirst())) {
            return false;
        }
        try {
            Process trial = new ProcessBuilder(command(List.of("true")))
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return trial.waitFor(10, TimeUnit.SECONDS) && trial.exitValue() == 0;
        } catch (IOException e) {
            return false;
        }
    }

    List<String> command(List<String> command) {
        List<String> whole = new ArrayList<>(prefix);
        whole.addAll(command);
        return whole;
    }

    /** Where the programs are unpacked: nobody could not start them from root's own home. */
    Path programsInsteadOf(Path wished) {
        return this == AS_NOBODY ? Path.of("/var/lib/lowrank") : wished;
    }

    /** An empty folder that PostgreSQL will accept as its own. */
    void createDataFolder(Path folder) throws IOException {
        Files.createDirectory(folder);
        if (this == AS_NOBODY) {
            Files.setAttribute(folder, "unix:uid", NOBODY);
            Files.setAttribute(folder, "unix:gid", NOBODY);
        }
    }
}
