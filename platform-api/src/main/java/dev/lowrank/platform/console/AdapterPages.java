package dev.lowrank.platform.console;

import dev.lowrank.db.registry.Adapter;
import dev.lowrank.db.registry.Adapters;
import java.util.List;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;

/** What was trained: adapters and their versions. */
@Controller
class AdapterPages {
    private final Adapters adapters;

    AdapterPages(Adapters adapters) {
        this.adapters = adapters;
    }

    /** An adapter with its newest version. */
    record Row(Adapter adapter, VersionView newest) {}

    @GetMapping("/console/adapters")
    String list(@AuthenticationPrincipal SignedIn user, Model model) {
        List<Row> rows = adapters.list(user.projectId()).stream()
                .flatMap(adapter -> adapters
                        .version(user.projectId(), adapter.name(), adapter.latestVersion())
                        .map(version -> new Row(adapter, VersionView.of(version)))
                        .stream())
                .toList();
        model.addAttribute("rows", rows);
        return "console/adapters";
    }

    @GetMapping("/console/adapters/{name}")
    String show(@AuthenticationPrincipal SignedIn user, @PathVariable String name, Model model) {
        model.addAttribute("adapter", adapters.find(user.projectId(), name).orElseThrow(() -> absent(name)));
        model.addAttribute(
                "versions",
                adapters.versions(user.projectId(), name).stream()
                        .map(VersionView::of)
                        .toList());
        return "console/adapter";
    }

    static NotFoundException absent(String name) {
        return new NotFoundException("There is no adapter " + name + " in this project.");
    }
}
