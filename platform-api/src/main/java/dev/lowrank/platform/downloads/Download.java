package dev.lowrank.platform.downloads;

import dev.lowrank.db.blob.BlobStore;
import dev.lowrank.platform.web.ApiException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.springframework.http.ContentDisposition;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.stereotype.Component;

/** Sends stored bytes; their digest is their ETag, so that a broken download goes on where it broke, or starts anew. */
@Component
public class Download {
    private final BlobStore blobs;

    Download(BlobStore blobs) {
        this.blobs = blobs;
    }

    /**
     * Answers a GET or HEAD with a blob, or with the part of it that was asked for.
     *
     * @param bytes what the database says its size is
     * @throws ApiException (416) if the range lies behind the end
     * @throws IllegalStateException if the stored file is not as long as it should be
     */
    public void send(
            HttpServletRequest request,
            HttpServletResponse response,
            String sha256,
            long bytes,
            String filename,
            MediaType type)
            throws IOException {
        try (FileChannel content = FileChannel.open(intact(sha256, bytes))) {
            String tag = "\"" + sha256 + "\"";
            response.setHeader(HttpHeaders.ETAG, tag);
            response.setHeader(HttpHeaders.ACCEPT_RANGES, "bytes");
            response.setHeader(HttpHeaders.CACHE_CONTROL, "private");
            response.setHeader("X-Content-Type-Options", "nosniff");
            if (names(request.getHeader(HttpHeaders.IF_NONE_MATCH), tag)) {
                response.setStatus(HttpStatus.NOT_MODIFIED.value());
                return;
            }
            ByteRange range = range(request, response, tag, bytes);
            response.setHeader(HttpHeaders.CONTENT_DISPOSITION, attachment(filename));
            response.setContentType(type.toString());
            response.setContentLengthLong(range.length());
            if (!HttpMethod.HEAD.matches(request.getMethod())) {
                copy(content, range, response.getOutputStream());
            }
        }
    }

    private Path intact(String sha256, long bytes) throws IOException {
        Path file = blobs.open(sha256);
        long stored = java.nio.file.Files.size(file);
        if (stored != bytes) {
            throw new IllegalStateException(
                    "Blob %s has %d bytes, but should have %d.".formatted(sha256, stored, bytes));
        }
        return file;
    }

    private static ByteRange range(HttpServletRequest request, HttpServletResponse response, String tag, long bytes) {
        String asked = request.getHeader(HttpHeaders.RANGE);
        String onlyIf = request.getHeader(HttpHeaders.IF_RANGE);
        if (asked == null || (onlyIf != null && !onlyIf.equals(tag))) {
            return new ByteRange(0, bytes - 1);
        }
        ByteRange range = ByteRange.of(asked, bytes);
        if (range == null) {
            response.setHeader(HttpHeaders.CONTENT_RANGE, "bytes */" + bytes);
            throw ApiException.rangeNotSatisfiable(bytes);
        }
        if (range.length() != bytes) {
            response.setStatus(HttpStatus.PARTIAL_CONTENT.value());
            response.setHeader(
                    HttpHeaders.CONTENT_RANGE, "bytes %d-%d/%d".formatted(range.first(), range.last(), bytes));
        }
        return range;
    }

    private static void copy(FileChannel content, ByteRange range, OutputStream out) throws IOException {
        long position = range.first();
        while (position <= range.last()) {
            position += content.transferTo(position, range.last() - position + 1, Channels.newChannel(out));
        }
        out.flush();
    }

    private static boolean names(@Nullable String header, String tag) {
        return header != null && (header.equals("*") || header.contains(tag));
    }

    private static String attachment(String filename) {
        return ContentDisposition.attachment()
                .filename(filename, StandardCharsets.UTF_8)
                .build()
                .toString();
    }
}
