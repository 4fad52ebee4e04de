package dev.lowrank.local;

/** A module of the build: its folder, and what its artifact is called in a class path. */
enum Module {
    KERNELS("kernels", "lowrank-kernels-"),
    ENGINE("worker/engine", "lowrank-engine-"),
    DB("db", "lowrank-db-"),
    NODE("worker/node", "lowrank-node-"),
    PLATFORM_API("platform-api", "lowrank-platform-api-"),
    LOCAL("local", "lowrank-local-");

    private final String folder;
    private final String artifactPrefix;

    Module(String folder, String artifactPrefix) {
        this.folder = folder;
        this.artifactPrefix = artifactPrefix;
    }

    String folder() {
        return folder;
    }

    /** Whether a class path's entry is this module, as a jar or as its classes. */
    boolean isAt(String entry) {
        String name = entry.substring(entry.lastIndexOf('/') + 1);
        return (name.startsWith(artifactPrefix) && name.endsWith(".jar"))
                || entry.endsWith("/" + folder + "/target/classes");
    }
}
