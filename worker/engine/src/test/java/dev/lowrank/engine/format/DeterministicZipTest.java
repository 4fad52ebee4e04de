package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.engine.format.DeterministicZip.Packed;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TimeZone;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeterministicZipTest {
    private static final Map<String, String> FILES =
            Map.of("b.txt", "two", "a.txt", "one", "sub/c.txt", "three", "ü.txt", "", "B.txt", "four");

    @TempDir
    Path temporary;

    private Path folder(String name, List<String> order, long time) throws IOException {
        Path folder = temporary.resolve(name);
        for (String file : order) {
            Path path = folder.resolve(file);
            Files.createDirectories(path.getParent());
            Files.writeString(path, FILES.get(file));
            Files.setLastModifiedTime(path, FileTime.fromMillis(time));
        }
        return folder;
    }

    @Test
    void equalFoldersGiveEqualBytesWhereverAndWheneverTheyWereMade() throws IOException {
        List<String> names = FILES.keySet().stream().sorted().toList();
        Path first = folder("first", names, 0);
        Path second = folder("second", names.reversed(), 1_800_000_000_000L);
        Packed a = DeterministicZip.pack(first, temporary.resolve("a.zip"));
        TimeZone zone = TimeZone.getDefault();
        Packed b;
        try {
            TimeZone.setDefault(TimeZone.getTimeZone("Pacific/Auckland"));
            b = DeterministicZip.pack(second, temporary.resolve("b.zip"));
        } finally {
            TimeZone.setDefault(zone);
        }
        assertThat(Files.mismatch(temporary.resolve("a.zip"), temporary.resolve("b.zip")))
                .isEqualTo(-1);
        assertThat(a).isEqualTo(b);
        assertThat(a.bytes()).isEqualTo(Files.size(temporary.resolve("a.zip")));
        assertThat(a.sha256()).isEqualTo(Sha256.of(temporary.resolve("a.zip")));
        Files.writeString(second.resolve("a.txt"), "onE");
        assertThat(DeterministicZip.pack(second, new ByteArrayOutputStream())).isNotEqualTo(a);
    }

    @Test
    void everyFileLiesInItUncompressedInTheOrderOfNames() throws IOException {
        Path zip = temporary.resolve("a.zip");
        DeterministicZip.pack(folder("first", List.copyOf(FILES.keySet()), 0), zip);
        Map<String, String> found = new HashMap<>();
        try (ZipFile read = new ZipFile(zip.toFile())) {
            assertThat(read.stream().map(ZipEntry::getName).collect(Collectors.toList()))
                    .containsExactly("B.txt", "a.txt", "b.txt", "sub/c.txt", "ü.txt");
            for (ZipEntry entry : read.stream().toList()) {
                assertThat(entry.getMethod()).isEqualTo(ZipEntry.STORED);
                found.put(entry.getName(), new String(read.getInputStream(entry).readAllBytes()));
            }
        }
        assertThat(found).isEqualTo(FILES);
    }

    @Test
    void emptyFolderGivesAnEmptyZip() throws IOException {
        Path zip = temporary.resolve("a.zip");
        assertThat(DeterministicZip.pack(Files.createDirectory(temporary.resolve("none")), zip)
                        .bytes())
                .isEqualTo(22);
        try (ZipFile read = new ZipFile(zip.toFile())) {
            assertThat(read.size()).isZero();
        }
    }

    @Test
    void linksAreNotFollowed() throws IOException {
        Path folder = folder("first", List.of("a.txt"), 0);
        Path secret = Files.writeString(temporary.resolve("secret"), "x");
        Files.createSymbolicLink(folder.resolve("link.txt"), secret);
        assertThat(Sentences.refusal(() -> DeterministicZip.pack(folder, new ByteArrayOutputStream())))
                .contains("first/link.txt is a link");
    }

    @Test
    void fileIsNeitherReplacedNorPackedIntoItself() throws IOException {
        Path folder = folder("first", List.of("a.txt"), 0);
        assertThatThrownBy(() -> DeterministicZip.pack(folder, folder.resolve("x.zip")))
                .isInstanceOf(IllegalArgumentException.class);
        Path taken = Files.writeString(temporary.resolve("taken.zip"), "x");
        assertThatThrownBy(() -> DeterministicZip.pack(folder, taken)).isInstanceOf(UncheckedIOException.class);
        assertThat(taken).hasContent("x");
    }
}
