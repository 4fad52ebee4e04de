package dev.lowrank.platform.registry;

import dev.lowrank.db.registry.Adapter;
import dev.lowrank.platform.contract.UnixTime;

/** An adapter as the API shows it. */
record AdapterBody(String id, String object, String name, String baseModel, int latestVersion, long createdAt) {
    static AdapterBody of(Adapter adapter) {
        return new AdapterBody(
                adapter.id(),
                "adapter",
                adapter.name(),
                adapter.baseModel(),
                adapter.latestVersion(),
                UnixTime.of(adapter.createdAt()));
    }
}
