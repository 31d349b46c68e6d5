/** A real server for tests, with a store of its own that goes away with it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";

import { ArgosyClient } from "../index.js";

export const ROOT = resolve(import.meta.dirname, "../../../..");
const COMMAND = join(ROOT, ".venv/bin/argosy-server");
const READY = "argosy-server listening on ";

// A busy machine answers late; a test of the time-out names its own.
process.env["ARGOSY_CONNECT_TIMEOUT"] ??= "60";
// The runner of tests ends a file that takes too long by SIGTERM, which would leave servers and folders behind.
process.once("SIGTERM", () => process.exit(1));

/** A folder for one test file, removed when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "argosy-ts-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A server and a client of it, for all tests of a file; both are there when the first test runs. */
export class Store {
  server!: TestServer;
  client!: ArgosyClient;

  constructor() {
    before(async () => {
      this.server = await TestServer.start();
      this.client = new ArgosyClient({ server: this.server.address });
    });
    after(async () => {
      this.client.close();
      await this.server.kill("SIGTERM");
    });
  }
}

export class TestServer {
  private process: ChildProcess | undefined;
  address = "";

  constructor(readonly folder = temporaryFolder()) {
    process.once("exit", () => this.process?.kill("SIGKILL"));
  }

  static async start(): Promise<TestServer> {
    const server = new TestServer();
    await server.start();
    return server;
  }

  /** Starts it; again at the address it had before. */
  async start(): Promise<void> {
    const listen = this.address === "" ? "127.0.0.1:0" : this.address.replace("grpc://", "");
    const args = ["serve", "--listen", listen, "--data", join(this.folder, "data")];
    const child = spawn(COMMAND, args, { cwd: this.folder, stdio: ["ignore", "pipe", "pipe"] });
    this.process = child;
    let log = "";
    child.stderr.on("data", (text: Buffer) => (log += text.toString()));
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.startsWith(READY)) {
        this.address = line.slice(READY.length).trim();
        child.stdout.resume();
        return;
      }
    }
    throw new Error(`the server did not start:\n${log}`);
  }

  /** Kills it in the middle of whatever it does, and waits until it is gone. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
    this.process = undefined;
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }
}
