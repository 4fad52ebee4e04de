package dev.lowrank.db.blob;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.db.TestDatabase;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.simple.JdbcClient;

class BlobStoreTest {
    private static final String ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    @TempDir
    Path root;

    @Test
    void storesContentUnderItsDigest() throws IOException {
        BlobStore store = new BlobStore(root);
        assertThat(store.put(stream("abc"), 3)).isEqualTo(new Blob(ABC, 3));
        assertThat(store.open(ABC)).isEqualTo(root.resolve("ba/78/" + ABC)).hasContent("abc");
        assertThat(store.contains(ABC)).isTrue();
        assertThat(incoming()).isEmpty();
    }

    @Test
    void neverWritesStoredContentAgain() throws IOException {
        BlobStore store = new BlobStore(root);
        store.put(stream("abc"), 3);
        Object before = Files.getAttribute(store.open(ABC), "unix:ino");
        Path file = Files.writeString(root.resolve("file"), "abc");
        assertThat(store.put(file)).isEqualTo(new Blob(ABC, 3));
        assertThat(Files.getAttribute(store.open(ABC), "unix:ino")).isEqualTo(before);
        assertThat(incoming()).isEmpty();
    }

    @Test
    void refusesMoreThanTheLimitAndKeepsNothing() throws IOException {
        BlobStore store = new BlobStore(root);
        assertThatThrownBy(() -> store.put(stream("abc"), 2))
                .isInstanceOf(BlobTooLargeException.class)
                .hasMessage("The content is larger than the limit of 2 bytes.");
        assertThat(incoming()).isEmpty();
        assertThat(store.contains(ABC)).isFalse();
    }

    @Test
    void aStreamThatBreaksLeavesNothingBehind() throws IOException {
        BlobStore store = new BlobStore(root);
        InputStream broken = new InputStream() {
            private boolean begun;

            @Override
            public int read() throws IOException {
                throw new IOException("connection reset");
            }

            @Override
            public int read(byte[] target, int offset, int length) throws IOException {
                if (begun) {
                    return read();
                }
                begun = true;
                return length;
            }
        };
        assertThatThrownBy(() -> store.put(broken, 1_000_000)).hasMessage("connection reset");
        assertThat(incoming()).isEmpty();
    }

    @Test
    void onlyADigestNamesABlob() {
        BlobStore store = new BlobStore(root);
        for (String name : List.of("../../etc/passwd", "", ABC.toUpperCase(), ABC + "/..", ABC.substring(1))) {
            assertThatThrownBy(() -> store.open(name)).isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> store.open(ABC)).isInstanceOf(NoSuchFileException.class);
    }

    @Test
    void manyWritersOfTheSameContentAllSucceed() throws Exception {
        BlobStore store = new BlobStore(root);
        String content = "content ".repeat(50_000);
        CyclicBarrier start = new CyclicBarrier(8);
        Callable<Blob> put = () -> {
            start.await();
            return store.put(stream(content), Long.MAX_VALUE);
        };
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            List<Future<Blob>> blobs =
                    threads.invokeAll(IntStream.range(0, 8).mapToObj(i -> put).toList());
            for (Future<Blob> blob : blobs) {
                assertThat(store.open(blob.get().sha256())).hasContent(content);
            }
        }
        assertThat(incoming()).isEmpty();
    }

    @Test
    void aBlobIsMadeKnownOnce() {
        JdbcClient jdbc = JdbcClient.create(TestDatabase.create().dataSource());
        Blobs blobs = new Blobs(jdbc);
        blobs.add(ABC, 3);
        blobs.add(new Blob(ABC, 3));
        assertThat(jdbc.sql("select bytes from blob").query(Long.class).list()).containsExactly(3L);
    }

    private List<Path> incoming() throws IOException {
        try (Stream<Path> files = Files.list(root.resolve("incoming"))) {
            return files.toList();
        }
    }

    private static InputStream stream(String text) {
        return new ByteArrayInputStream(text.getBytes(UTF_8));
    }
}
