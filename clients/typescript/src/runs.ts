/** Runs started from here: a lease that is renewed while they run, and an end. */
import { ServiceError } from "./errors.js";
import { type Run as RunRecord, RunState } from "./gen/argosy/v1/pipeline.js";
import {
  CreateRunRequest,
  FinishRunRequest,
  PipelineServiceService,
  RenewRunRequest,
} from "./gen/argosy/v1/pipeline_service.js";
import { jsonDocuments } from "./save.js";
import { isCancellation, runError, type RunningStep, startStep, type StepOptions } from "./steps.js";
import { worthRetrying } from "./transport/backoff.js";
import { answered, type Connection } from "./transport/connection.js";

export interface RunOptions {
  /** Unique among the runs of the project; the server makes one when left out. */
  name?: string;
  parameters?: Readonly<Record<string, unknown>>;
  signal?: AbortSignal;
}

/** Starts a run of a pipeline. */
export async function createRun(connection: Connection, pipeline: string, options: RunOptions): Promise<PipelineRun> {
  const answer = await connection.ask(
    PipelineServiceService.createRun,
    CreateRunRequest,
    {
      pipelineName: pipeline,
      name: options.name ?? "",
      parameters: jsonDocuments("parameter", options.parameters),
    },
    { signal: options.signal },
  );
  const lease = answered(answer.lease);
  const milliseconds = Number(lease.seconds) * 1000 + lease.nanos / 1e6;
  return new PipelineRun(connection, answered(answer.run), answer.driverToken, milliseconds);
}

/** A run this process drives. Its lease is renewed until finish(); a process that dies leaves an abandoned run. */
export class PipelineRun {
  private readonly stop = new AbortController();
  private renewal: NodeJS.Timeout | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly record: RunRecord,
    private readonly driverToken: string,
    private readonly leaseMilliseconds: number,
  ) {
    this.keep();
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

  /**
   * Ends the run: well, or with the error that ended it; one that is an AbortError, as the reason of `signal` when
   * somebody asked the run to stop, ends it as cancelled.
   *
   * @throws IllegalTransitionError a step still runs: end it and call this again; the run goes on until then.
   */
  async finish(error?: unknown): Promise<void> {
    clearInterval(this.renewal);
    try {
      await this.connection.ask(PipelineServiceService.finishRun, FinishRunRequest, {
        runId: this.id,
        driverToken: this.driverToken,
        ...endOf(error),
      });
    } catch (refused) {
      this.keep();
      throw refused;
    }
  }

  private keep(): void {
    clearInterval(this.renewal);
    this.renewal = setInterval(() => void this.renew(), this.leaseMilliseconds / 3);
    this.renewal.unref();
  }

  private async renew(): Promise<void> {
    const fields = { runId: this.id, driverToken: this.driverToken };
    try {
      const { run } = await this.connection.ask(PipelineServiceService.renewRun, RenewRunRequest, fields);
      if (run?.cancelRequested) {
        this.stop.abort(new DOMException(`somebody asked run ${this.name} to stop`, "AbortError"));
      }
    } catch (error) {
      // A server that is away is asked again; a refusal means that the run is not ours any more.
      if (error instanceof ServiceError && !worthRetrying(error)) {
        clearInterval(this.renewal);
        this.stop.abort(error);
      }
    }
  }
}

function endOf(error: unknown): Partial<FinishRunRequest> {
  if (error === undefined) return { state: RunState.RUN_STATE_COMPLETED };
  if (isCancellation(error)) return { state: RunState.RUN_STATE_CANCELLED };
  return { state: RunState.RUN_STATE_FAILED, error: runError(error, "") };
}
