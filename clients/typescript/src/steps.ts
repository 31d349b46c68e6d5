/** Runs and step runs recorded from here: what a step was given, loaded, saved and returned, with its lineage. */
import type { NewFile } from "./content.js";
import { type ArtifactVersion, type NewArtifactFile } from "./gen/argosy/v1/artifact.js";
import { InputKind, type Run, type RunError, type StepRun, StepState } from "./gen/argosy/v1/pipeline.js";
import { GetRunRequest, PipelineServiceService } from "./gen/argosy/v1/pipeline_service.js";
import {
  CompleteStepRequest,
  FailStepRequest,
  type LoadedInput,
  StartStepRequest,
  type StepInputSpec,
} from "./gen/argosy/v1/step_calls.js";
import { type Loaded, type LoadOptions, loadValue } from "./load.js";
import { jsonDocuments, saveValue, specOf, type SaveOptions, withEncoded } from "./save.js";
import { selectorOf } from "./selection.js";
import { answered, type Connection } from "./transport/connection.js";
import { createFrom } from "./transport/send_files.js";

/** What a step is started with. */
export interface StepOptions {
  /** The run's UUID or its name. */
  run: string;
  /** The step, such as `score`. */
  step: string;
  /** This execution of it, unique in the run; the step's name when left out. */
  invocation?: string;
  /** What it is given: a version, or several, by the parameter's name. */
  inputs?: Readonly<Record<string, ArtifactVersion | readonly ArtifactVersion[]>>;
  /** Other parameters, each of which JSON can say. */
  parameters?: Readonly<Record<string, unknown>>;
  /** The invocations it had to wait for. */
  upstream?: readonly string[];
  /** Proves that the caller is the runner of the run, where it is. */
  driverToken?: string;
  signal?: AbortSignal;
}

/** A value a step returns, with the name and labels of its artifact. */
export class StepOutput {
  constructor(
    readonly value: unknown,
    readonly options: SaveOptions & { name?: string } = {},
  ) {}
}

/** A value a step returns under a name of your choice: `output(weights, { name: "weights" })`. */
export function output(value: unknown, options: SaveOptions & { name?: string } = {}): StepOutput {
  return new StepOutput(value, options);
}

/** Starts a step in a run that is running. */
export async function startStep(connection: Connection, options: StepOptions): Promise<RunningStep> {
  const { signal } = options;
  const found = await connection.ask(PipelineServiceService.getRun, GetRunRequest, { run: options.run }, { signal });
  const run = answered(found.run);
  const fields = {
    runId: run.id,
    stepName: options.step,
    invocation: options.invocation ?? options.step,
    parameters: jsonDocuments("parameter", options.parameters),
    inputs: Object.entries(options.inputs ?? {}).map(([name, versions]) => inputSpec(run, name, versions)),
    upstream: [...(options.upstream ?? [])],
    driverToken: options.driverToken ?? "",
  };
  const answer = await connection.ask(PipelineServiceService.startStep, StartStepRequest, fields, { signal });
  return new RunningStep(connection, run, answered(answer.stepRun), answer.attemptToken);
}

function inputSpec(run: Run, name: string, versions: ArtifactVersion | readonly ArtifactVersion[]): StepInputSpec {
  const isList = Array.isArray(versions);
  const all = (isList ? versions : [versions]) as readonly ArtifactVersion[];
  const kinds = all.map(({ producer }) =>
    producer?.runId === run.id ? InputKind.INPUT_KIND_STEP_OUTPUT : InputKind.INPUT_KIND_EXTERNAL,
  );
  const isMixed = new Set(kinds).size > 1;
  return {
    name,
    isList,
    kind: kinds[0] ?? InputKind.INPUT_KIND_EXTERNAL,
    kinds: isMixed ? kinds : [],
    versionIds: all.map(({ id }) => id),
  };
}

/** A step that runs: load and save by it what its code loads and saves, and end it by complete() or fail(). */
export class RunningStep {
  private readonly loaded: LoadedInput[] = [];

  constructor(
    private readonly connection: Connection,
    private readonly run: Run,
    private readonly stepRun: StepRun,
    private readonly attemptToken: string,
  ) {}

  /** The step run's UUID. */
  get id(): string {
    return this.stepRun.id;
  }

  /** Loads a value, and records that the step did. */
  async load<T = unknown>(name: string, options: LoadOptions = {}): Promise<Loaded<T>> {
    const loaded = await loadValue<T>(this.connection, name, options);
    this.loaded.push({ selector: selectorOf(name, options), versionId: loaded.version.id });
    return loaded;
  }

  /** Saves a value at once, as one that this step made. */
  async save(name: string, value: unknown, options: SaveOptions = {}): Promise<ArtifactVersion> {
    const maker = { stepRunId: this.stepRun.id, stepAttempt: this.stepRun.attempt };
    return saveValue(this.connection, name, value, options, maker);
  }

  /**
   * Ends the step well: its outputs, its state and its lineage become visible together.
   *
   * @param outputs values by the output's name; output() gives one a name as an artifact.
   */
  async complete(
    outputs: Readonly<Record<string, unknown>> = {},
    { metadata, signal }: { metadata?: Readonly<Record<string, unknown>>; signal?: AbortSignal } = {},
  ): Promise<StepRun> {
    return withAllEncoded(
      Object.entries(outputs).map(([name, value]) => this.planned(name, value)),
      [],
      async (encoded) => {
        const files = encoded.flatMap((each) => each.files);
        const answer = await createFrom(this.connection, files, { signal }, (sent) => {
          let at = 0;
          const fields = {
            stepRunId: this.stepRun.id,
            attemptToken: this.attemptToken,
            loaded: this.loaded,
            metadata: jsonDocuments("metadata", metadata),
            outputs: encoded.map(({ output: name, spec, files: own }) => {
              const mine: NewArtifactFile[] = sent.slice(at, at + own.length);
              at += own.length;
              return { name, spec, files: mine };
            }),
          };
          return this.connection.ask(PipelineServiceService.completeStep, CompleteStepRequest, fields, { signal });
        });
        return answered(answer.stepRun);
      },
    );
  }

  /** Ends the step as failed, or as cancelled by an AbortError; nothing it would have returned is kept. */
  async fail(error: unknown, signal?: AbortSignal): Promise<StepRun> {
    const fields = {
      stepRunId: this.stepRun.id,
      attemptToken: this.attemptToken,
      state: isCancellation(error) ? StepState.STEP_STATE_CANCELLED : StepState.STEP_STATE_FAILED,
      error: runError(error, this.stepRun.invocation),
      loaded: this.loaded,
    };
    const answer = await this.connection.ask(PipelineServiceService.failStep, FailStepRequest, fields, { signal });
    return answered(answer.stepRun);
  }

  private planned(name: string, value: unknown): Planned {
    const { value: content, options } = value instanceof StepOutput ? value : new StepOutput(value);
    // The name Python gives an output its user gave none.
    const made = `${this.run.pipelineName}::${this.stepRun.stepName}::${name}`;
    return { output: name, value: content, options, name: options.name ?? made, unnamed: options.name === undefined };
  }
}

interface Planned {
  readonly output: string;
  readonly value: unknown;
  readonly options: SaveOptions;
  readonly name: string;
  readonly unnamed: boolean;
}

interface EncodedOutput {
  readonly output: string;
  readonly spec: ReturnType<typeof specOf>;
  readonly files: readonly NewFile[];
}

/** Encodes one value after the other; what streams were spooled to is kept until `use` has ended. */
async function withAllEncoded<T>(
  planned: readonly Planned[],
  encoded: readonly EncodedOutput[],
  use: (encoded: readonly EncodedOutput[]) => Promise<T>,
): Promise<T> {
  const [next, ...others] = planned;
  if (next === undefined) return use(encoded);
  return withEncoded(next.value, next.options, ({ format, files }) => {
    const spec = { ...specOf(next.name, format, next.options), unnamed: next.unnamed };
    return withAllEncoded(others, [...encoded, { output: next.output, spec, files }], use);
  });
}

/** Tells whether somebody wanted what ended with this error to end. */
export function isCancellation(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/** An error as a run keeps it. */
export function runError(error: unknown, invocation: string): RunError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error), invocation };
  return { type: error.name, message: error.message, invocation };
}
