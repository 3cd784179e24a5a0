/** Tests that `docs/protocol.md` shows what `lib/wire` does. @module */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { DEFAULT_LIMITS } from "../../lib/base/limits.ts";
import { parseEnvelope } from "../../lib/wire/envelope_text.ts";
import { TextBrokerCodec, TextClientCodec } from "../../lib/wire/text_codec.ts";
import { utf8 } from "./samples.ts";

const DOCUMENT = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8");

/** The lines of the example conversation that one side sends. */
function said(mark: "C" | "S"): string[] {
  const blocks = [...DOCUMENT.matchAll(/^```conversation\n(.*?)^```$/gms)];
  const lines = blocks.flatMap((block) => block[1]!.split("\n"));
  const found = lines.filter((line) => line.startsWith(`${mark} `)).map((line) => line.slice(2));
  assert.ok(found.length > 10);
  return found;
}

Deno.test("every command of the document's conversation is one", () => {
  const broker = new TextBrokerCodec(DEFAULT_LIMITS);
  for (const line of said("C")) {
    const [command] = broker.decode(utf8(`${line}\n`));
    assert.equal(command?.kind, line.split(" ")[0]);
  }
});

Deno.test("every reply of the document's conversation is one, and its envelope well-formed", () => {
  const client = new TextClientCodec(DEFAULT_LIMITS);
  for (const line of said("S")) {
    const [reply] = client.decode(utf8(`${line}\n`));
    assert.equal(reply?.kind === "failed", line.startsWith("Error"));
    if (reply?.kind === "message") assert.equal(parseEnvelope(reply.text).message_id, reply.id);
  }
});

Deno.test("the document's table has every command", () => {
  const inTable = [...DOCUMENT.matchAll(/^\| `([a-z_]+)[^|`]*`/gm)].map((match) => match[1]!);
  const broker = new TextBrokerCodec(DEFAULT_LIMITS);
  const verbs = [
    ...["declare_exchange", "declare_queue", "bind", "publish", "publish_batch", "consume"],
    ...["unbind", "delete_queue", "delete_exchange", "purge", "nack", "touch", "dead_letters"],
    ...["redrive", "fetch", "ack", "register_key", "get_key", "stats", "reset_stats", "heartbeat"],
    ...["backup", "backup_read", "backup_end"],
  ];
  for (const verb of verbs) {
    assert.ok(inTable.includes(verb), verb);
    assert.notDeepEqual(broker.decode(utf8(`${verb}\n`)), broker.decode(utf8("nonsense\n")), verb);
  }
});
