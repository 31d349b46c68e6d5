/** Runs started from here: a lease that is renewed while they run, and an end. */
import { randomUUID } from "node:crypto";

import { ServiceError } from "./errors.js";
import { type Run as RunRecord, RunState } from "./gen/argosy/v1/pipeline.js";
import {
  CreateRunRequest,
  FinishRunRequest,
  PipelineServiceService,
  RenewRunRequest,
} from "./gen/argosy/v1/pipeline_service.js";
import { checkedValue } from "./load.js";
import { jsonDocuments } from "./save.js";
import { runError, type RunningStep, startStep, type StepOptions } from "./steps.js";
import { worthRetrying } from "./transport/backoff.js";
import type { Connection } from "./transport/connection.js";

export interface RunOptions {
  /** Unique among the runs of the project; the server makes one when left out. */
  name?: string;
  parameters?: Readonly<Record<string, unknown>>;
  signal?: AbortSignal;
}

/** Starts a run of a pipeline. */
export async function createRun(connection: Connection, pipeline: string, options: RunOptions): Promise<PipelineRun> {
  const request = CreateRunRequest.fromPartial({
    project: connection.project,
    requestId: randomUUID(),
    pipelineName: pipeline,
    name: options.name ?? "",
    parameters: jsonDocuments("parameter", options.parameters),
  });
  const answer = await connection.unary(PipelineServiceService.createRun, request, { signal: options.signal });
  const lease = checkedValue(answer.lease);
  const milliseconds = Number(lease.seconds) * 1000 + lease.nanos / 1e6;
  return new PipelineRun(connection, checkedValue(answer.run), answer.driverToken, milliseconds);
}

/** A run this process drives. Its lease is renewed until finish(); a process that dies leaves an abandoned run. */
export class PipelineRun {
  private readonly stop = new AbortController();
  private readonly renewal: NodeJS.Timeout;

  constructor(
    private readonly connection: Connection,
    private readonly record: RunRecord,
    private readonly driverToken: string,
    leaseMilliseconds: number,
  ) {
    this.renewal = setInterval(() => void this.renew(), leaseMilliseconds / 3);
    this.renewal.unref();
  }

  get id(): string {
    return this.record.id;
  }

  get name(): string {
    return this.record.name;
  }

  /** Aborted when somebody asks the run to stop, or it is lost; give it to what the steps do. */
  get signal(): AbortSignal {
    return this.stop.signal;
  }

  async startStep(options: Omit<StepOptions, "run" | "driverToken">): Promise<RunningStep> {
    return startStep(this.connection, { ...options, run: this.id, driverToken: this.driverToken });
  }

  /** Ends the run: well, or with the error that ended it. */
  async finish(error?: unknown): Promise<void> {
    clearInterval(this.renewal);
    const request = FinishRunRequest.fromPartial({
      project: this.connection.project,
      requestId: randomUUID(),
      runId: this.id,
      state: error === undefined ? RunState.RUN_STATE_COMPLETED : RunState.RUN_STATE_FAILED,
      ...(error === undefined ? {} : { error: runError(error, "") }),
      driverToken: this.driverToken,
    });
    await this.connection.unary(PipelineServiceService.finishRun, request);
  }

  private async renew(): Promise<void> {
    const request = RenewRunRequest.fromPartial({
      project: this.connection.project,
      requestId: randomUUID(),
      runId: this.id,
      driverToken: this.driverToken,
    });
    try {
      const { run } = await this.connection.unary(PipelineServiceService.renewRun, request);
      if (run?.cancelRequested) this.stop.abort(new Error(`somebody asked run ${this.name} to stop`));
    } catch (error) {
      // A server that is away is asked again; a refusal means that the run is not ours any more.
      if (error instanceof ServiceError && !worthRetrying(error)) {
        clearInterval(this.renewal);
        this.stop.abort(error);
      }
    }
  }
}
