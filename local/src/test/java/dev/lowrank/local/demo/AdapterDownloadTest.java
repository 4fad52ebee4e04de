package dev.lowrank.local.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdapterDownloadTest {
    @TempDir
    Path folder;

    @Test
    void unpacksAnArchiveWhoseDigestIsRight() throws Exception {
        byte[] archive = zip("adapter_config.json", "{}");
        try (FakeApi server = new FakeApi(archive);
                ApiClient api = server.client()) {
            new AdapterDownload(api).into(server.link(), FakeApi.sha256(archive), folder.resolve("adapter"));
        }
        assertThat(folder.resolve("adapter/adapter_config.json")).hasContent("{}");
    }

    @Test
    void archiveWithAnotherDigestIsNotUnpacked() throws Exception {
        byte[] archive = zip("adapter_config.json", "{}");
        try (FakeApi server = new FakeApi(archive);
                ApiClient api = server.client()) {
            assertThatThrownBy(() -> new AdapterDownload(api).into(server.link(), "00", folder.resolve("adapter")))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("its version says 00");
        }
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void entryThatNamesAFileOutsideIsRefused() throws Exception {
        Path archive = Files.write(folder.resolve("evil.zip"), zip("../evil.txt", "boo"));
        assertThatThrownBy(() -> AdapterDownload.unpack(archive, folder.resolve("adapter")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("outside");
        assertThat(folder.resolve("evil.txt")).doesNotExist();
    }

    @Test
    void refusedLinkIsSaidSo() throws Exception {
        try (FakeApi server = new FakeApi(new byte[0]);
                ApiClient api = server.client()) {
            URI altered = server.link().resolve("/v1/nothing");
            assertThatThrownBy(() -> new AdapterDownload(api).into(altered, "00", folder.resolve("adapter")))
                    .isInstanceOf(ApiFailure.class)
                    .hasMessageContaining("404");
        }
    }

    private static byte[] zip(String name, String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            zip.putNextEntry(new ZipEntry(name));
            zip.write(text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }
}
