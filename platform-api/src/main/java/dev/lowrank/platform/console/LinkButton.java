package dev.lowrank.platform.console;

import dev.lowrank.db.registry.AdapterVersion;
import dev.lowrank.db.registry.Adapters;
import dev.lowrank.platform.links.DownloadLink;
import dev.lowrank.platform.links.DownloadLinks;
import dev.lowrank.platform.settings.PlatformSettings;
import java.time.Duration;
import java.time.Instant;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.stereotype.Controller;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.servlet.mvc.support.RedirectAttributes;
import org.springframework.web.servlet.support.ServletUriComponentsBuilder;

/** Makes a download link and shows it once, on the page whose button was pressed. */
@Controller
class LinkButton {
    private static final Duration GOOD_FOR = Duration.ofHours(1);

    private final Adapters adapters;
    private final DownloadLinks links;
    private final PlatformSettings settings;

    LinkButton(Adapters adapters, DownloadLinks links, PlatformSettings settings) {
        this.adapters = adapters;
        this.links = links;
        this.settings = settings;
    }

    /** A link that was made just now. */
    record Made(String adapter, int number, String url, String expires, String sha256) {}

    @PostMapping("/console/adapters/{name}/versions/{number}/links")
    String make(
            @AuthenticationPrincipal SignedIn user,
            @PathVariable String name,
            @PathVariable int number,
            @RequestParam(defaultValue = "adapter") String back,
            RedirectAttributes page) {
        AdapterVersion version = adapters.version(user.projectId(), name, number)
                .orElseThrow(() -> new NotFoundException(
                        "There is no version %d of an adapter %s in this project.".formatted(number, name)));
        DownloadLink link = links.make(version, GOOD_FOR, origin());
        page.addFlashAttribute(
                "made",
                new Made(
                        name,
                        number,
                        link.url(),
                        Words.moment(Instant.ofEpochSecond(link.expiresAt())),
                        link.sha256()));
        page.addAttribute("target", "job".equals(back) ? version.jobId() : name);
        return "job".equals(back) ? "redirect:/console/jobs/{target}" : "redirect:/console/adapters/{target}";
    }

    private String origin() {
        String configured = settings.publicUrl();
        return configured == null || configured.isBlank()
                ? ServletUriComponentsBuilder.fromCurrentContextPath().build().toUriString()
                : configured;
    }
}
