package dev.lowrank.engine.cli;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.analyze.AdapterAnalysis;
import dev.lowrank.engine.analyze.AnalysisJson;
import dev.lowrank.engine.analyze.AnalysisPicture;
import dev.lowrank.engine.analyze.AnalysisTable;
import dev.lowrank.engine.format.Durable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** {@code inspect ADAPTER --analyze}: what an adapter does to its base. */
record AdapterInspection(
        Path adapter,
        @Nullable Path base,
        @Nullable Path against,
        @Nullable Path picture) {
    int print(boolean asked, boolean json) throws IOException {
        if (!asked) {
            throw new InputException("--against and --picture belong to an analysis; add --analyze.");
        }
        requireRoomForPicture();
        AdapterAnalysis analysis = AdapterAnalysis.of(adapter, base, against);
        if (picture != null) {
            Durable.write(picture, AnalysisPicture.of(analysis).getBytes(StandardCharsets.UTF_8));
        }
        if (json) {
            System.out.println(AnalysisJson.of(analysis));
        } else {
            System.out.print(AnalysisTable.of(analysis));
        }
        return 0;
    }

    /** A long analysis must not end with a picture that has no place. */
    private void requireRoomForPicture() {
        if (picture == null) {
            return;
        }
        Path folder = picture.toAbsolutePath().getParent();
        if (!picture.toString().endsWith(".svg") || folder == null || !Files.isDirectory(folder)) {
            throw new InputException(
                    "--picture %s cannot be written; name a file that ends in .svg, in a folder that exists."
                            .formatted(picture));
        }
    }
}
