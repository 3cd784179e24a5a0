/**
 * What the real program makes of a damaged database.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Workspace } from "../support/workspace.ts";
import { type Outcome, Trial } from "./trial.ts";

/** Damages the database of a broker's folder and starts the broker on it. */
export class ProgramTrial implements AsyncDisposable {
  readonly #workspace: Workspace;
  readonly #trial: Trial;

  private constructor(workspace: Workspace, trial: Trial) {
    this.#workspace = workspace;
    this.#trial = trial;
  }

  /** Makes the folder and the database. */
  static async make(): Promise<ProgramTrial> {
    const workspace = await Workspace.make();
    const toml = Deno.readTextFileSync(workspace.path("config.toml"));
    const aesKey = Uint8Array.fromBase64(/aes_key = "([^"]+)"/.exec(toml)![1]!);
    const trial = await Trial.make({ path: workspace.path("broker.db"), aesKey });
    return new ProgramTrial(workspace, trial);
  }

  /** Does the damage of a seed, starts the program, and stops it if it serves. */
  async run(seed: number, index: number): Promise<Exclude<Outcome, "earlier">> {
    this.#trial.damaged(seed, index);
    const broker = this.#workspace.run(["serve"]);
    const listens = await Promise.race([
      broker.event("listening").then(() => true, () => false),
      broker.end().then(() => false),
    ]);
    if (listens) broker.signal("SIGTERM");
    const { code } = await broker.end();
    if (listens && code === 0) return "same";
    assert.notEqual(code, 0);
    assert.match(broker.stderr.text, /cannot (?:use|open|trust) the (?:database|log|registered)/);
    assert.doesNotMatch(broker.stderr.text, /\bat file:|Uncaught/);
    return "refused";
  }

  /** Removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#workspace[Symbol.asyncDispose]();
  }
}
