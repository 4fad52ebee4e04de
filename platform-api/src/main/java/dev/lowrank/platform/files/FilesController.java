package dev.lowrank.platform.files;

import dev.lowrank.db.access.Owner;
import dev.lowrank.db.file.Files;
import dev.lowrank.db.file.Files.Deletion;
import dev.lowrank.db.file.StoredFile;
import dev.lowrank.platform.contract.ApiException;
import dev.lowrank.platform.contract.ListBody;
import dev.lowrank.platform.contract.PageLimit;
import dev.lowrank.platform.downloads.Download;
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
import org.springframework.web.bind.annotation.RequestPart;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.multipart.MultipartFile;

/** The files endpoints. */
@RestController
@RequestMapping("/v1/files")
class FilesController {
    private static final int MOST = 10_000;
    private static final String PURPOSE = "fine-tune";

    private final Files files;
    private final Upload upload;
    private final Download download;

    FilesController(Files files, Upload upload, Download download) {
        this.files = files;
        this.upload = upload;
        this.download = download;
    }

    @PostMapping(consumes = MediaType.MULTIPART_FORM_DATA_VALUE)
    FileBody upload(
            @AuthenticationPrincipal Owner owner,
            @RequestParam String purpose,
            @RequestPart MultipartFile file,
            HttpServletRequest request)
            throws IOException {
        if (!purpose.equals(PURPOSE)) {
            throw ApiException.invalidValue(
                    "purpose",
                    "\"purpose\" must be \"%s\": this server keeps files to fine-tune on.".formatted(PURPOSE));
        }
        if (request.getParameterMap().keySet().stream().anyMatch(name -> name.startsWith("expires_after"))) {
            throw ApiException.invalid(
                    "unsupported_parameter",
                    "expires_after",
                    "\"expires_after\" is not supported yet: leave it out, and delete the file when you are done.");
        }
        return FileBody.of(upload.store(owner.projectId(), file));
    }

    @GetMapping
    ListBody<FileBody> list(
            @AuthenticationPrincipal Owner owner,
            @RequestParam(required = false) @Nullable String purpose,
            @RequestParam(required = false) @Nullable Integer limit,
            @RequestParam(defaultValue = "desc") String order,
            @RequestParam(required = false) @Nullable String after) {
        if (!order.equals("asc") && !order.equals("desc")) {
            throw ApiException.invalidValue("order", "\"order\" must be \"asc\" or \"desc\".");
        }
        return ListBody.withIds(
                files.list(owner.projectId(), purpose, after, PageLimit.of(limit, MOST, MOST), order.equals("desc")),
                FileBody::of,
                StoredFile::id);
    }

    @GetMapping("/{file}")
    FileBody find(@AuthenticationPrincipal Owner owner, @PathVariable String file) {
        return FileBody.of(existing(owner, file));
    }

    @GetMapping("/{file}/content")
    void content(
            @AuthenticationPrincipal Owner owner,
            @PathVariable String file,
            HttpServletRequest request,
            HttpServletResponse response)
            throws IOException {
        StoredFile stored = existing(owner, file);
        download.send(
                request,
                response,
                stored.sha256(),
                stored.bytes(),
                stored.filename(),
                MediaType.APPLICATION_OCTET_STREAM);
    }

    @DeleteMapping("/{file}")
    DeletedBody delete(@AuthenticationPrincipal Owner owner, @PathVariable String file) {
        return switch (files.delete(owner.projectId(), file)) {
            case Deletion.Done() -> new DeletedBody(file, "file", true);
            case Deletion.Missing() -> throw noFile(file);
            case Deletion.Needed(String job) ->
                throw ApiException.invalid(
                        "file_in_use",
                        "file_id",
                        "%s is needed by %s, which has not ended: cancel the job or wait for it.".formatted(file, job));
        };
    }

    private StoredFile existing(Owner owner, String file) {
        return files.find(owner.projectId(), file).orElseThrow(() -> noFile(file));
    }

    private static ApiException noFile(String file) {
        return ApiException.notFound("file_id", "No such file: " + file);
    }

    record DeletedBody(String id, String object, boolean deleted) {}
}
