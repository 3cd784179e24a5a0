/**
 * What an operator asks and orders, and what it makes of the answers.
 *
 * @module
 */
import assert from "node:assert/strict";
import { CipherMqError, type ErrorCode } from "../../lib/base/errors.ts";
import { Operator } from "../../lib/client/operator.ts";
import { ScriptedBroker } from "./scripted_broker.ts";

/** Asks a broker that has one answer for each line, or one after the other. */
async function withAnswers(
  answers: Readonly<Record<string, string | string[]>>,
  test: (operator: Operator, broker: ScriptedBroker) => Promise<void>,
): Promise<void> {
  const broker = await ScriptedBroker.start();
  broker.intercept = (line) => {
    const answer = answers[line];
    return typeof answer === "string" ? answer : answer?.shift();
  };
  const operator = await Operator.connect(await broker.clientOptions("r"));
  try {
    await test(operator, broker);
  } finally {
    await operator.close();
    await broker.stop();
  }
}

function letter(seq: number): object {
  return {
    ...{ seq, id: `m${seq}`, publisher: "s", size: 9, exchange: "x", routing_key: "k" },
    ...{ reason: "rejected", text: "why", deliveries: 2, queue: "q", at_ms: 1_500, more: "later" },
  };
}

Deno.test("dead letters are listed page by page until there is none", async () => {
  const answers = {
    "dead_letters q": `Dead letters: ${JSON.stringify([letter(3), letter(4)])}`,
    "dead_letters q 4": `Dead letters: ${JSON.stringify([letter(9)])}`,
    "dead_letters q 9": "Dead letters: []",
  };
  await withAnswers(answers, async (operator) => {
    const letters = await Array.fromAsync(operator.deadLetters("q"));
    assert.deepEqual(letters.map(({ seq }) => seq), [3, 4, 9]);
    assert.partialDeepStrictEqual(letters[0], { id: "m3", routingKey: "k", atMs: 1_500, size: 9 });
  });
});

Deno.test("redrive, purge and stats say what is ordered and give what is answered", async () => {
  const answers = {
    "redrive q": "Redriven: 7",
    "redrive q m": "Redriven: 1",
    "purge q.dead force": ["Queue purged: 3", "Queue purged: 2", "Queue purged: 0"],
    "stats": 'Stats: {"queues":[["q",2]],"consumers":[],"expired":5}',
    "fetch q.dead": "No messages",
  };
  await withAnswers(answers, async (operator) => {
    assert.equal(await operator.redrive("q"), 7);
    assert.equal(await operator.redrive("q", "m"), 1);
    assert.equal(await operator.purgeDeadLetters("q"), 5);
    const { queues, expired } = await operator.stats();
    assert.deepEqual([queues, expired], [[["q", 2]], 5]);
    assert.equal(await operator.borrowDeadLetter("q"), undefined);
  });
});

Deno.test("a queue is declared with the options that are given", async () => {
  const answers = {
    "declare_queue q": "Queue declared",
    "declare_queue q max_deliveries=5 expired=remove": "Queue declared",
    "declare_queue q max_bytes=9": "Error: max_bytes is above the limit",
  };
  await withAnswers(answers, async (operator) => {
    await operator.declareQueue("q", []);
    await operator.declareQueue("q", ["expired=remove", "max_deliveries=5"]);
    await assert.rejects(operator.declareQueue("q", ["max_bytes=9"]), { code: "limit" });
    for (const bad of ["max_deliveries", "max_deliveries=-1", "colour=red", ""]) {
      await assert.rejects(operator.declareQueue("q", [bad]), { code: "usage" }, bad);
    }
    await assert.rejects(operator.declareQueue("a b", []), { code: "invalid_name" });
  });
});

Deno.test("a backup is begun, read piece by piece and ended", async () => {
  const answers = {
    "backup": "Backup: 5",
    "backup_read 0": "Backup piece: YWJj",
    "backup_read 3": "Backup piece: ZGU=",
    "backup_end": "Backup ended",
  };
  await withAnswers(answers, async (operator) => {
    assert.equal(await operator.beginBackup(), 5);
    const pieces = [await operator.readBackup(0), await operator.readBackup(3)];
    assert.equal(
      new TextDecoder().decode(Uint8Array.from(pieces.flatMap((one) => [...one]))),
      "abcde",
    );
    await operator.endBackup();
  });
  const refusals: readonly (readonly [string, ErrorCode])[] = [
    ["Error: 'r' may not back up the broker: it is not one of its admins", "access_denied"],
    ["Error: the limit of one backup at a time is reached; try again when it has ended", "limit"],
    ["Error: no backup can begin: the disk is nearly full", "conflict"],
    ["Backup piece: YQ==", "protocol"],
  ];
  for (const [answer, code] of refusals) {
    await withAnswers({ backup: answer }, async (operator) => {
      await assert.rejects(operator.beginBackup(), (error) => {
        return error instanceof CipherMqError && error.code === code;
      }, answer);
    });
  }
});

Deno.test("refusals have the code of their reason, and a report that makes no sense is a protocol error", async () => {
  const cases: readonly (readonly [string, ErrorCode])[] = [
    ["Error: no queue 'q'; declare it first", "not_found"],
    ["Error: this connection holds 9 messages of 9 bytes, the limit; ack some first", "limit"],
    ["Unknown command", "protocol"],
    ["Error: something else", "conflict"],
    ["Queue declared", "protocol"],
    ["Dead letters: [{}]", "protocol"],
    ["Dead letters: no", "protocol"],
  ];
  for (const [answer, code] of cases) {
    await withAnswers({ "dead_letters q": answer }, async (operator) => {
      await assert.rejects(Array.fromAsync(operator.deadLetters("q")), (error) => {
        return error instanceof CipherMqError && error.code === code;
      }, answer);
    });
  }
});
