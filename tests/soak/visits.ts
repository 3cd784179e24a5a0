/**
 * Those who come and go: short visits, lines that stop in the middle, strangers, backups.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { BrokenPromise } from "../support/promises.ts";
import type { Random } from "../fuzz/random.ts";
import { expect } from "./routes.ts";
import type { Activity, World } from "./world.ts";

/** One connection after the other, each of another sort. */
export class Visits implements Activity {
  readonly name = "visits";
  readonly restMs = 20;
  readonly #world: World;
  readonly #random: Random;

  /** The sort of a visit comes from `random`. */
  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  round(): Promise<void> {
    return this.#random.oneIn(5) ? this.#stranger() : this.#visitor();
  }

  async #visitor(): Promise<void> {
    const client = await this.#world.connect("visitor");
    try {
      await expect(client, "heartbeat", "HEARTBEAT_OK");
      if (this.#random.oneIn(2)) await client.write("publish ciphermq half a li");
      else await client.ask("stats");
    } finally {
      client.close();
    }
  }

  /** Bytes that are no handshake, or one without a certificate. */
  async #stranger(): Promise<void> {
    this.#world.count("strangers");
    const { port } = this.#world.workspace;
    if (this.#random.oneIn(2)) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      await connection.write(this.#random.bytes(200)).catch(() => {});
      connection.close();
      return;
    }
    const client = await this.#world.workspace.connect(undefined).catch(() => undefined);
    const answer = await client?.ask("heartbeat").catch(() => undefined);
    client?.close();
    if (answer !== undefined) throw new BrokenPromise(`a stranger was told ${answer}`);
  }
}

/** Copies of the database while everything goes on. */
export class BackupRuns implements Activity {
  readonly name = "backups";
  readonly restMs = 30_000;
  readonly #world: World;

  /** In `world`. */
  constructor(world: World) {
    this.#world = world;
  }

  async round(): Promise<void> {
    const { workspace } = this.#world;
    // A folder of its own, because SQLite leaves a log beside what it only reads, too.
    const folder = workspace.path("backup");
    const file = `${folder}/broker.db`;
    Deno.mkdirSync(folder);
    try {
      await workspace.run(["backup", "--as", "admin", file]).success(120_000);
      const db = new DatabaseSync(file, { readOnly: true });
      const { quick_check: found } = db.prepare("PRAGMA quick_check").get()!;
      db.close();
      if (found !== "ok") throw new BrokenPromise(`a backup is damaged: ${found}`);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }
}
