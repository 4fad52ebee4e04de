package dev.lowrank.platform.links;

import dev.lowrank.db.registry.AdapterVersion;
import dev.lowrank.db.registry.Adapters;
import dev.lowrank.platform.contract.ApiException;
import dev.lowrank.platform.downloads.Download;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Set;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;

/** Where signed links lead; the signature takes the place of an API key. */
@RestController
class LinkController {
    private static final Set<String> PARAMETERS = Set.of("e", "k", "s");

    private final Links links;
    private final Adapters adapters;
    private final Download download;

    LinkController(Links links, Adapters adapters, Download download) {
        this.links = links;
        this.adapters = adapters;
        this.download = download;
    }

    @GetMapping("/d/{name}/{number}/{sha256}")
    void fetch(
            @PathVariable String name,
            @PathVariable String number,
            @PathVariable String sha256,
            HttpServletRequest request,
            HttpServletResponse response)
            throws IOException {
        LinkFields fields = new LinkFields(name, number, sha256, one(request, "e"), one(request, "k"));
        links.require(fields, one(request, "s"));
        AdapterVersion version = adapters.byDigest(name, Integer.parseInt(number), sha256)
                .orElseThrow(() -> ApiException.notFound("version", "This version does not exist any more."));
        String filename = "%s-v%d.zip".formatted(version.adapter(), version.number());
        download.send(
                request, response, version.sha256(), version.bytes(), filename, MediaType.valueOf("application/zip"));
    }

    private static String one(HttpServletRequest request, String parameter) {
        String[] values = request.getParameterValues(parameter);
        if (values == null
                || values.length != 1
                || !request.getParameterMap().keySet().equals(PARAMETERS)) {
            throw Links.forbidden(
                    "invalid_link", "This link is not as it was made: copy it whole, or ask for a new one.");
        }
        return values[0];
    }
}
