/**
 * A disk that becomes nearly full, and then full: publishes are refused, what is there can be received,
 * and all goes on when there is room again.
 *
 * @module
 */
import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { statfsSync } from "node:fs";
import { join } from "node:path";
import { consume, declareQueues, publish } from "../support/commands.ts";
import { idsOf, publishAll, pushed, waitingIn } from "../support/queues.ts";
import { textsIn } from "../support/received.ts";
import { until } from "../support/waiting.ts";
import { Workspace } from "../support/workspace.ts";

const MIB = 1024 * 1024;
const DISK_BYTES = 48 * MIB;
const MIN_FREE_BYTES = 16 * MIB;
const BALLAST_BYTES = 4 * MIB;
const LIMITS = `[limits]
min_free_bytes = ${MIN_FREE_BYTES}
min_free_percent = 1
ballast_bytes = ${BALLAST_BYTES}
`;
const PIECE = randomFillSync(new Uint8Array(MIB / 4));
const ALARM = "disk nearly full: publishes are refused";
const CLEAR = "disk has room again";

function run(command: string, ...args: readonly string[]): boolean {
  try {
    return new Deno.Command(command, { args: [...args], stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** A small file system of its own. */
class SmallDisk implements Disposable {
  readonly folder: string = Deno.makeTempDirSync();

  private constructor() {}

  /** Mounts one; nothing where that is not allowed. */
  static mount(): SmallDisk | undefined {
    if (Deno.build.os !== "linux") return undefined;
    const disk = new SmallDisk();
    const options = `size=${DISK_BYTES},mode=0700`;
    if (run("mount", "-t", "tmpfs", "-o", options, "tmpfs", disk.folder)) return disk;
    Deno.removeSync(disk.folder);
    return undefined;
  }

  /** Free bytes. */
  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  /** Fills it until so many bytes are free, or fewer by a piece. */
  fill(freeBytes: number): void {
    using file = Deno.openSync(this.#filler, { create: true, append: true });
    while (this.freeBytes > freeBytes) file.writeSync(PIECE);
  }

  /** Takes away what it was filled with. */
  clear(): void {
    Deno.removeSync(this.#filler);
  }

  /** Ends it. Nobody may use it any more. */
  [Symbol.dispose](): void {
    run("umount", this.folder);
    Deno.removeSync(this.folder);
  }

  get #filler(): string {
    return join(this.folder, "filler");
  }
}

const canMount = (() => {
  using disk = SmallDisk.mount();
  return disk !== undefined;
})();

/** A broker whose database is on a small disk. */
async function brokerOn(disk: SmallDisk): Promise<Workspace> {
  const workspace = await Workspace.make({ configuration: LIMITS });
  const file = workspace.path("config.toml");
  const configuration = Deno.readTextFileSync(file);
  Deno.writeTextFileSync(
    file,
    configuration.replace('"broker.db"', JSON.stringify(join(disk.folder, "broker.db"))),
  );
  return workspace;
}

Deno.test({
  name: "a disk nearly full refuses publishes while messages are received, until it has room again",
  ignore: !canMount,
  fn: async () => {
    using disk = SmallDisk.mount()!;
    await using workspace = await brokerOn(disk);
    const broker = await workspace.serve();
    const first = workspace.receive("--count", "1");
    await workspace.send("first").success();
    await first.success();
    const sender = await workspace.connect("sender_1");
    await publishAll(sender, idsOf(10));

    disk.fill(MIN_FREE_BYTES / 2);
    await broker.event(ALARM);
    assert.match(
      (await sender.ask(publish("refused").trimEnd()))!,
      /^Error: the broker's disk is nearly full; try again later for message refused$/,
    );
    // What it has already is no more: an ACK costs nothing.
    await publishAll(sender, ["m-0"]);
    const receiver = await workspace.connect("receiver_1");
    await consume(receiver);
    assert.deepEqual(await pushed(receiver, 10), idsOf(10));
    for (const id of idsOf(10)) {
      assert.equal(await receiver.ask(`ack ${id}`), `ACK_CONFIRMED ${id}`);
    }
    receiver.close();
    const send = workspace.send("--json", "waited for room");
    await send.until(
      "stderr",
      (lines) => lines.find((line) => /disk is nearly full; waiting/.test(line)),
    );

    disk.clear();
    await broker.event(CLEAR);
    await send.success();
    assert.equal(await sender.ask(publish("refused").trimEnd()), "ACK refused");
    const receive = workspace.receive("--count", "1", "--output", "last.jsonl");
    await receive.end();
    assert.deepEqual(textsIn(workspace.path("last.jsonl")), ["waited for room"]);
  },
});

Deno.test({
  name: "on a full disk the ballast goes, acks are stored, and it is held again when there is room",
  ignore: !canMount,
  fn: async () => {
    using disk = SmallDisk.mount()!;
    await using workspace = await brokerOn(disk);
    const broker = await workspace.serve();
    const sender = await workspace.connect("sender_1");
    await declareQueues(sender, "receiver_1");
    const ids = idsOf(300);
    await publishAll(sender, ids);
    const receiver = await workspace.connect("receiver_1");
    assert.equal(await receiver.ask("consume receiver_1 10000"), "Subscribed to queue");
    assert.deepEqual(await pushed(receiver, ids.length), ids);
    const free = disk.freeBytes;

    disk.fill(PIECE.length);
    await broker.event("disk full: the ballast is released");
    await until("its room", () => disk.freeBytes > BALLAST_BYTES / 2);
    for (const id of ids.slice(0, 200)) {
      assert.equal(await receiver.ask(`ack ${id}`), `ACK_CONFIRMED ${id}`);
    }
    await broker.kill();
    const again = await workspace.serve();
    assert.deepEqual(await waitingIn(workspace), ids.slice(200));
    disk.clear();
    await again.event(CLEAR);
    await until("the ballast", () => disk.freeBytes < free + BALLAST_BYTES / 2);
    const last = await workspace.connect("sender_1");
    assert.equal(await last.ask(publish("after").trimEnd()), "ACK after");
  },
});
