package dev.lowrank.db.queue;

import dev.lowrank.db.blob.Blob;

/**
 * What a successful attempt made; its bytes are in the blob store already.
 *
 * @param fineTunedModel name by which clients use it
 * @param adapterName adapter that receives a new version; one is made if the project has none of that name
 * @param output archive of the adapter's (or model's) folder
 * @param spec JSON of what was trained; {@code metrics} and {@code verdict} are JSON objects as well
 * @param stepMetrics the CSV file that becomes the job's result file
 */
public record Result(
        String fineTunedModel,
        String adapterName,
        Blob output,
        String baseModel,
        String baseSha256,
        String spec,
        String metrics,
        String verdict,
        Blob stepMetrics) {}
