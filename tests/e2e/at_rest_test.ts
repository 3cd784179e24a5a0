/**
 * What the broker leaves on its disk and in its log: no plaintext, and no public key in the clear.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { OriginalReceiver } from "../support/original_receiver.ts";
import { readKeys } from "../support/original_protocol.ts";
import { OriginalSender } from "../support/original_sender.ts";
import { Workspace } from "../support/workspace.ts";

/** The files of the broker's database that hold `bytes`. */
function filesWith(workspace: Workspace, bytes: Uint8Array): string[] {
  const files = [...Deno.readDirSync(workspace.folder)].map(({ name }) => name)
    .filter((name) => name.startsWith("broker.db"));
  assert(files.length > 0);
  return files.filter((name) =>
    Buffer.from(Deno.readFileSync(workspace.path(name))).includes(Buffer.from(bytes))
  );
}

Deno.test("the broker's files and log never hold a plaintext or a public key in the clear", async () => {
  await using workspace = await Workspace.make();
  const broker = await workspace.serve();
  const keys = readKeys(workspace.path("certs"), "receiver_1");
  const receiver = await OriginalReceiver.start({
    config: workspace.originalConfig("receiver_1"),
    clientId: "receiver_1",
    keys,
    output: workspace.path("received.jsonl"),
  });
  const sender = new OriginalSender(workspace.originalConfig("sender_1"));
  const texts = Array.from({ length: 50 }, (_, i) => `attack at dawn, number ${i}`);
  const envelopes = await sender.encrypt("receiver_1", texts);
  workspace.plaintexts.push(...texts);
  await sender.sendBatch(envelopes);
  await receiver.receive(10);
  await receiver.close();

  const publicKey = Buffer.from(keys.publicKey);
  const secrets = [
    ...["attack at dawn", "attack at dawn, number 7"].map((text) => Buffer.from(text)),
    ...[0, 1, 2].map((shift) => base64Within("attack at dawn", shift)),
    publicKey,
    Buffer.from(publicKey.toString("base64")),
    Buffer.from(publicKey.toString("hex")),
  ];
  const check = () => {
    for (const secret of secrets) assert.deepEqual(filesWith(workspace, secret), []);
    // The search would find what is there: the ciphertext is.
    const ciphertext = Buffer.from(envelopes[40]!.ciphertext);
    assert.notDeepEqual(filesWith(workspace, ciphertext), []);
    for (const secret of [publicKey.toString("base64"), envelopes[0]!.ciphertext]) {
      assert(!broker.stderr.text.includes(secret), "the log holds what it must not");
    }
    assert.equal(broker.stdout.text, "");
  };
  check();
  broker.signal("SIGTERM");
  assert.equal((await broker.end()).code, 0);
  check();
  for (const line of broker.stderr.lines) JSON.parse(line);
});

/** What base64 makes of `text` whatever surrounds it, where it begins at `shift` of three bytes. */
function base64Within(text: string, shift: number): Buffer {
  const skip = (3 - shift) % 3;
  const whole = Buffer.from(text).subarray(skip);
  return Buffer.from(whole.subarray(0, whole.length - whole.length % 3).toString("base64"));
}

Deno.test({
  name: "the database and its log are open to the broker's user only",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using workspace = await Workspace.make();
    await workspace.serve({ through: ["sh", "-c", 'umask 0; exec "$@"', "sh"] });
    const client = await workspace.connect("receiver_1");
    assert.equal(await client.ask("declare_queue q"), "Queue declared");
    const modes = [...Deno.readDirSync(workspace.folder)]
      .filter(({ name }) => name.startsWith("broker.db"))
      .map(({ name }) => (Deno.statSync(workspace.path(name)).mode! & 0o777).toString(8));
    assert(modes.length >= 2);
    assert.deepEqual(new Set(modes), new Set(["600"]));
  },
});
