// Drives a running Lowrank with OpenAI's own client, as its documentation shows it, and prints what it saw as one JSON line.
// Usage: node drive.mjs BASE_URL KEY MODEL TRAINING_FILE SETTINGS_JSON
import fs from "node:fs";
import OpenAI, { AuthenticationError, BadRequestError, NotFoundError } from "openai";

const [baseURL, apiKey, model, trainingFile, settings] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey });

const uploaded = await client.files.create({ file: fs.createReadStream(trainingFile), purpose: "fine-tune" });
const file = await client.files.waitForProcessing(uploaded.id, { pollInterval: 100 });
const content = await (await client.files.content(file.id)).text();

const created = await client.fineTuning.jobs.create({
  model,
  training_file: file.id,
  suffix: "openai-client",
  seed: 7,
  metadata: { made_by: "openai-node" },
  ...JSON.parse(settings),
});

let job = created;
while (!["succeeded", "failed", "cancelled"].includes(job.status)) {
  await new Promise((resolve) => setTimeout(resolve, 200));
  job = await client.fineTuning.jobs.retrieve(created.id);
}

// Pages of five, so that the client has to follow the cursor.
const events = [];
for await (const event of client.fineTuning.jobs.listEvents(job.id, { limit: 5 })) events.push(event);
const checkpoints = [];
for await (const checkpoint of client.fineTuning.jobs.checkpoints.list(job.id, { limit: 1 })) checkpoints.push(checkpoint);
const jobs = [];
for await (const each of client.fineTuning.jobs.list({ limit: 1 })) jobs.push(each.id);
const models = [];
for await (const each of client.models.list()) models.push(each.id);
const results = job.result_files.length ? await (await client.files.content(job.result_files[0])).text() : "";

async function failure(call) {
  try {
    await call();
    return "none";
  } catch (error) {
    for (const type of [AuthenticationError, NotFoundError, BadRequestError]) if (error instanceof type) return type.name;
    return String(error);
  }
}
const failures = {
  unknownJob: await failure(() => client.fineTuning.jobs.retrieve("ftjob-unknown")),
  wrongKey: await failure(() => new OpenAI({ baseURL, apiKey: "lr_wrong" }).models.list()),
  unknownModel: await failure(() => client.fineTuning.jobs.create({ model: "no-such-model", training_file: file.id })),
};

console.log(
  JSON.stringify({
    file: { status: file.status, bytes: file.bytes, sameContent: content === fs.readFileSync(trainingFile, "utf8") },
    created: { status: created.status, object: created.object },
    job,
    events: events.map(({ id, type, level, message, data }) => ({ id, type, level, message, data })),
    checkpoints,
    jobs,
    models,
    results,
    failures,
  }),
);
