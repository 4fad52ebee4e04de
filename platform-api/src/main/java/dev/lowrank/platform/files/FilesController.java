package dev.lowrank.platform.files;

import dev.lowrank.db.access.Owner;
import dev.lowrank.db.file.Files;
import dev.lowrank.db.file.Files.Deletion;
import dev.lowrank.db.file.StoredFile;
import dev.lowrank.platform.downloads.Download;
import dev.lowrank.platform.web.ApiException;
import dev.lowrank.platform.web.ListBody;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.springframework.http.MediaType;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.multipart.MultipartFile;

/** {@code /v1/files}. */
@RestController
@RequestMapping("/v1/files")
class FilesController {
    private static final int MOST = 10_000;

    private final Files files;
    private final Uploads uploads;
    private final Download download;

    FilesController(Files files, Uploads uploads, Download download) {
        this.files = files;
        this.uploads = uploads;
        this.download = download;
    }

    @PostMapping(consumes = MediaType.MULTIPART_FORM_DATA_VALUE)
    FileBody upload(
            @AuthenticationPrincipal Owner owner,
            @RequestParam(required = false) @Nullable MultipartFile file,
            @RequestParam(required = false) @Nullable String purpose,
            HttpServletRequest request)
            throws IOException {
        if (file == null) {
            throw ApiException.badRequest(
                    "The request has no \"file\"; send it as a part of multipart/form-data.", "file", null);
        }
        if (!"fine-tune".equals(purpose)) {
            throw ApiException.badRequest(
                    "\"purpose\" is %s, but this server takes files for \"fine-tune\" only."
                            .formatted(purpose == null ? "missing" : "\"" + purpose + "\""),
                    "purpose",
                    "invalid_purpose");
        }
        if (request.getParameterMap().keySet().stream().anyMatch(name -> name.startsWith("expires_after"))) {
            throw ApiException.badRequest(
                    "\"expires_after\" is not supported; files stay until they are deleted.",
                    "expires_after",
                    "unsupported");
        }
        return FileBody.of(uploads.store(owner, file));
    }

    @GetMapping
    ListBody<FileBody> list(
            @AuthenticationPrincipal Owner owner,
            @RequestParam(required = false) @Nullable String purpose,
            @RequestParam(required = false) @Nullable String after,
            @RequestParam(required = false) @Nullable Integer limit,
            @RequestParam(defaultValue = "desc") String order) {
        if (!order.equals("desc") && !order.equals("asc")) {
            throw ApiException.badRequest(
                    "\"order\" is \"%s\", but must be asc or desc.".formatted(order), "order", null);
        }
        int most = ListBody.limit(limit, MOST, MOST);
        return ListBody.of(
                files.list(owner.projectId(), purpose, after, most, order.equals("desc")), FileBody::of, FileBody::id);
    }

    @GetMapping("/{id}")
    FileBody get(@AuthenticationPrincipal Owner owner, @PathVariable String id) {
        return FileBody.of(find(owner, id));
    }

    @DeleteMapping("/{id}")
    DeletedBody delete(@AuthenticationPrincipal Owner owner, @PathVariable String id) {
        return switch (files.delete(owner.projectId(), id)) {
            case Deletion.Done() -> new DeletedBody(id, "file", true);
            case Deletion.Missing() -> throw noFile(id);
            case Deletion.Needed(String job) ->
                throw ApiException.badRequest(
                        "File %s is needed by the open job %s; cancel the job or wait for its end.".formatted(id, job),
                        "file_id",
                        "file_in_use");
        };
    }

    @GetMapping("/{id}/content")
    void content(
            @AuthenticationPrincipal Owner owner,
            @PathVariable String id,
            HttpServletRequest request,
            HttpServletResponse response)
            throws IOException {
        StoredFile file = find(owner, id);
        download.send(
                request, response, file.sha256(), file.bytes(), file.filename(), MediaType.APPLICATION_OCTET_STREAM);
    }

    private StoredFile find(Owner owner, String id) {
        return files.find(owner.projectId(), id).orElseThrow(() -> noFile(id));
    }

    private static ApiException noFile(String id) {
        return ApiException.notFound("file", id, "file_id");
    }
}
