import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { ArgosyClient, IllegalTransitionError, NpyArray, output, RunExistsError, SupersededError } from "../index.js";
import { RunState, StepState } from "../gen/argosy/v1/pipeline.js";
import { CancelRunRequest, GetRunRequest, PipelineServiceService } from "../gen/argosy/v1/pipeline_service.js";
import { ROOT, Store } from "./server.js";

const PACKAGE = join(ROOT, "clients/typescript");
const store = new Store();

async function recorded(run: string) {
  const answer = await store.client.call(
    PipelineServiceService.getRun,
    GetRunRequest.fromPartial({ project: "default", run }),
  );
  assert.ok(answer.run !== undefined);
  return answer.run;
}

/** Runs Python with the SDK against the server of this test, and returns what it printed. */
function python(code: string): string {
  const home = join(store.server.folder, "home");
  mkdirSync(home, { recursive: true });
  const env = { ...process.env, ARGOSY_SERVER: store.server.address, ARGOSY_HOME: home };
  return execFileSync(join(ROOT, ".venv/bin/python"), ["-c", code], { cwd: home, env, encoding: "utf8" });
}

test("a step run is recorded with all it was given, loaded and made, and Python sees its lineage", async () => {
  const data = await store.client.save("data", new NpyArray(new Float64Array([1, 2, 3])));
  await store.client.save("scale", 2);
  const run = await store.client.createRun("scoring", { name: "first", parameters: { day: "monday" } });
  const step = await run.startStep({ step: "score", inputs: { data }, parameters: { rate: 0.5 } });
  const { value: scale } = await step.load<number>("scale");
  await step.save("checkpoint", "half way");
  const scores = new NpyArray(new Float64Array([1, 2, 3].map((number) => number * scale)));
  await step.complete(
    { scores: output(scores, { name: "scores", aliases: ["prod"] }), log: "done" },
    { metadata: { rows: 3 } },
  );
  await run.finish();

  const { state, steps } = await recorded("first");
  assert.equal(state, RunState.RUN_STATE_COMPLETED);
  const [found] = steps;
  assert.equal(found?.state, StepState.STEP_STATE_COMPLETED);
  assert.deepEqual([found.parameters, found.metadata], [{ rate: "0.5" }, { rows: "3" }]);
  assert.deepEqual(
    found.inputs.map(({ name, versions }) => [name, versions[0]?.id]),
    [["data", data.id]],
  );
  assert.deepEqual(
    found.outputs.map(({ name, version }) => [name, version?.name, version?.format]),
    [
      ["scores", "scores", "npy"],
      ["log", "scoring::score::log", "text"],
    ],
  );
  assert.deepEqual([found.loaded[0]?.name, found.saved[0]?.name], ["scale", "checkpoint"]);

  const seen = python(`
import json, argosy
version = argosy.get_artifact("scores", alias="prod")
names = sorted(each.name for each in version.lineage("up").versions)
print(json.dumps([version.load().tolist(), names]))
`);
  assert.deepEqual(JSON.parse(seen), [
    [2, 4, 6],
    ["data", "scale", "scores"],
  ]);
});

test("a step in a run of another process takes the output of an earlier one", async () => {
  const run = await store.client.createRun("pipeline", { name: "shared" });
  const first = await run.startStep({ step: "prepare" });
  await first.complete({ rows: output([1, 2], { name: "rows" }) });
  const other = new ArgosyClient({ server: store.server.address });
  const rows = await other.get("rows");
  const second = await other.startStep({
    run: "shared",
    step: "train",
    inputs: { rows: [rows, rows] },
    upstream: ["prepare"],
  });
  await second.complete({ model: new Uint8Array(2 << 20) });
  other.close();
  await run.finish();
  const [, train] = (await recorded("shared")).steps;
  assert.deepEqual(
    [train?.upstream, train?.inputs[0]?.isList, train?.inputs[0]?.versions.length],
    [["prepare"], true, 2],
  );
  assert.equal(train?.outputs[0]?.version?.sizeBytes, BigInt(2 << 20));
});

/** What a Node program does as one step of a run of Python. */
const PART_OF_PYTHON = `
import { ArgosyClient, output } from "argosy-client";
const client = new ArgosyClient();
const step = await client.startStep({ run: "from-python", step: "double", inputs: { rows: await client.get("rows") } });
const { value } = await step.load("rows");
await step.complete({ doubled: output(value.map((number) => number * 2), { name: "doubled" }) });
client.close();
`;

test("a step done by Node is a step of the run that Python drives", () => {
  const seen = python(`
import json, subprocess, argosy

@argosy.step(enable_cache=False)
def prepare() -> list:
    argosy.save_artifact([1, 2, 3], name="rows")
    words = [${JSON.stringify(process.execPath)}, "--input-type=module", "-e", ${JSON.stringify(PART_OF_PYTHON)}]
    subprocess.run(words, check=True, cwd=${JSON.stringify(PACKAGE)})
    return argosy.load_artifact("doubled")

@argosy.pipeline
def shared():
    prepare()

shared.with_options(run_name="from-python")()
again = argosy.Client().get_run("from-python")
names = sorted(each.name for each in argosy.get_artifact("doubled").lineage("up").versions)
print(json.dumps([sorted(again.steps), argosy.load_artifact("doubled"), names]))
`);
  const [steps, doubled, names] = JSON.parse(seen.trim().split("\n").at(-1) ?? "") as [string[], number[], string[]];
  assert.deepEqual(
    [steps, doubled, names],
    [
      ["double", "prepare"],
      [2, 4, 6],
      ["doubled", "rows"],
    ],
  );
});

test("a step that fails is told so, and completes no more", async () => {
  const run = await store.client.createRun("pipeline", { name: "failing" });
  const step = await run.startStep({ step: "train" });
  await step.fail(new RangeError("rate is negative"));
  await assert.rejects(
    step.complete({ model: 1 }),
    (error) => error instanceof IllegalTransitionError || error instanceof SupersededError,
  );
  await run.finish(new Error("train failed"));
  const { state, steps } = await recorded("failing");
  assert.equal(state, RunState.RUN_STATE_FAILED);
  assert.deepEqual(
    [steps[0]?.state, steps[0]?.error?.type, steps[0]?.error?.message],
    [StepState.STEP_STATE_FAILED, "RangeError", "rate is negative"],
  );
});

test("what is aborted is cancelled, and did not fail", async () => {
  const run = await store.client.createRun("pipeline", { name: "aborted" });
  const step = await run.startStep({ step: "train" });
  const { reason } = AbortSignal.abort();
  await step.fail(reason);
  await run.finish(reason);
  const { state, steps } = await recorded("aborted");
  assert.deepEqual([state, steps[0]?.state], [RunState.RUN_STATE_CANCELLED, StepState.STEP_STATE_CANCELLED]);
});

test("a run that cannot be finished yet is kept, and hears that it is asked to stop", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const run = await store.client.createRun("pipeline", { name: "kept" });
  const step = await run.startStep({ step: "train" });
  await assert.rejects(run.finish(), IllegalTransitionError);
  await store.client.call(
    PipelineServiceService.cancelRun,
    CancelRunRequest.fromPartial({ project: "default", requestId: randomUUID(), runId: run.id }),
  );
  const stopped = once(run.signal, "abort");
  t.mock.timers.tick(60_000);
  await stopped;
  await step.fail(run.signal.reason);
  await run.finish(run.signal.reason);
  assert.equal((await recorded("kept")).state, RunState.RUN_STATE_CANCELLED);
});

test("a name of a run is taken once", async () => {
  const run = await store.client.createRun("pipeline", { name: "taken" });
  await assert.rejects(store.client.createRun("pipeline", { name: "taken" }), RunExistsError);
  await run.finish();
});
