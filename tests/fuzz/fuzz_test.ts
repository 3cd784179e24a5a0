/**
 * 200,000 inputs, and what the fuzzing itself must be able to see.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteWriter } from "../../lib/base/bytes.ts";
import { DEFAULT_LIMITS } from "../../lib/base/limits.ts";
import type { Command } from "../../lib/wire/command.ts";
import { TextBrokerCodec, TextClientCodec } from "../../lib/wire/text_codec.ts";
import { names } from "../wire/samples.ts";
import { requireSteps, stepsOf } from "./broker_target.ts";
import { concat } from "./bytes.ts";
import { COMMANDS, utf8 } from "./corpus.ts";
import { fuzz, FuzzFailure, HeapWatch } from "./fuzzer.ts";
import { Random } from "./random.ts";
import { failureKind, referenceSteps } from "./reference_broker.ts";
import { REGRESSIONS } from "./regressions.ts";
import type { Target } from "./target.ts";
import { shareOf, TARGETS } from "./targets.ts";
import { WorkMeter } from "./work_meter.ts";

const SEED = 4;
const INPUTS = 200_000;

for (const target of TARGETS) {
  const inputs = shareOf(target, INPUTS);
  Deno.test(`${inputs} inputs of ${target.name} are read as they should be`, () => {
    fuzz(target, SEED, inputs);
  });
}

Deno.test("inputs that were once not read as they should be are now", () => {
  for (const { target, input } of REGRESSIONS) {
    const found = TARGETS.find(({ name }) => name === target)!;
    for (let i = 0; i < 50; i++) found.check(Uint8Array.fromBase64(input), new Random(SEED, 0, i));
  }
});

/** The parts that a plain sample of each command has as steps. */
Deno.test("the reference takes every sample of a command as one, and says nothing against it", () => {
  const options = { identity: "receiver_1", ...DEFAULT_LIMITS };
  const refused = COMMANDS.filter((line) =>
    referenceSteps(utf8(`${line}\n`), options).some((step) =>
      step === "close" || "failures" in step
    )
  );
  assert.deepEqual(refused, ["", "no_such command"]);
});

Deno.test("what the client's encoder writes is that command for the reference too", () => {
  const codec = new TextClientCodec({ maxLineBytes: 1_000 });
  const commands: fc.Arbitrary<Command> = fc.oneof(
    fc.record({ kind: fc.constantFrom("ack" as const, "touch" as const), id: names }),
    fc.record({ kind: fc.constant("fetch" as const), queue: names }),
    fc.record({
      kind: fc.constantFrom("bind" as const, "unbind" as const),
      queue: names,
      exchange: names,
      routingKey: names,
    }),
  );
  fc.assert(fc.property(commands, (command) => {
    const writer = new ByteWriter();
    codec.encode(command, writer);
    const steps = referenceSteps(writer.take(), { identity: "a", ...DEFAULT_LIMITS });
    assert.deepEqual(steps, [{ input: { ...command } }]);
  }));
});

function sabotaged(check: Target["check"]): Target {
  return { name: "sabotaged", share: 1, make: (random) => random.bytes(20), check };
}

Deno.test("a failure names its seed, comes again with it, and is made smaller", () => {
  const target = sabotaged((input) => assert(!input.includes(7), "a seven"));
  const failure = () => {
    try {
      fuzz(target, 11, 10_000);
    } catch (error) {
      assert(error instanceof FuzzFailure);
      return error.message;
    }
    assert.fail("a seven is found");
  };
  const first = failure();
  assert.equal(failure(), first);
  assert.match(first, /again: deno task fuzz --target sabotaged --seed 11 --from \d+ --inputs 1/);
  assert.match(first, /the smallest that fails too, 1 bytes: Bw==/);
  const from = Number(/--from (\d+)/.exec(first)![1]);
  assert.throws(() => fuzz(target, 11, 1, from), FuzzFailure);
});

Deno.test("a heap that grows is seen", () => {
  const kept: unknown[] = [];
  const target = sabotaged(() => kept.push(new Array(12_000).fill(0)));
  assert.throws(() => fuzz(target, 1, 2_000), /left \d+ bytes on the heap/);
  const watch = new HeapWatch();
  for (let i = 0; i < 8; i++) {
    watch.look();
    watch.next();
  }
  assert(Math.abs(watch.growth) < 1024 * 1024);
});

Deno.test("a line that is cut at a chunk boundary is other steps for the reference", () => {
  const [first, second] = [utf8("declare_queue or"), utf8("ders\n")];
  const { steps } = stepsOf([first, second], DEFAULT_LIMITS);
  requireSteps(concat([first, second]), steps, DEFAULT_LIMITS);
  const cut = stepsOf([concat([first, utf8("\n")]), second], DEFAULT_LIMITS);
  assert.throws(() => requireSteps(concat([first, second]), cut.steps, DEFAULT_LIMITS), /step 0/);
});

Deno.test("only what the protocol fixes of a failure is compared", () => {
  const kinds = [
    ["Error: queue name is empty", "Error: …"],
    ["Error: the line is not valid UTF-8", "Error: the line is not valid UTF-8"],
    ["Missing queue name", "Missing queue name"],
    ["Invalid batch format: message 3: tag is not base64", "Invalid batch format: …"],
    ["Error registering key: no", "Error registering key: …"],
    ["Unknown command", "Unknown command"],
  ] as const;
  for (const [reply, kind] of kinds) assert.equal(failureKind(reply), kind);
});

/** Streams of `bytes` bytes that cost a careless reader more than their length. */
const HARD: Readonly<Record<string, (bytes: number) => Uint8Array>> = {
  "one long line": (bytes) => new Uint8Array(bytes).fill(97),
  "empty lines": (bytes) => new Uint8Array(bytes).fill(10),
  "open brackets": (bytes) => utf8(`publish_batch x k ${"[".repeat(bytes)}\n`),
  "escaped quotes": (bytes) => utf8(`publish x k {"message_id":"${'\\"'.repeat(bytes / 2)}"}\n`),
  "backslashes": (bytes) => utf8(`publish x k {"message_id":"${"\\".repeat(bytes)}"\n`),
  "many words": (bytes) => utf8(`declare_queue q ${"a=1 ".repeat(bytes / 4)}\n`),
  "a long ciphertext without an end": (bytes) => {
    const [start] = COMMANDS.find((line) => line.startsWith("publish "))!.split('ciphertext":"');
    return utf8(`${start}ciphertext":"${"A".repeat(bytes)}\n`);
  },
  "bytes that are not UTF-8": (bytes) => new Uint8Array(bytes).fill(0xff),
  "many commas": (bytes) => utf8(`publish x k {${",".repeat(bytes)}}\n`),
};

Deno.test("no stream costs more than in proportion to its length, however it is cut", async (t) => {
  using meter = new WorkMeter();
  const costOf = (stream: Uint8Array, pieceBytes: number) => {
    const codec = new TextBrokerCodec({ ...DEFAULT_LIMITS, maxLineBytes: 200_000 });
    meter.reset();
    for (let at = 0; at < stream.length; at += pieceBytes) {
      codec.decode(stream.subarray(at, at + pieceBytes));
    }
    return meter.work / stream.length;
  };
  for (const [what, make] of Object.entries(HARD)) {
    await t.step(what, () => {
      for (const pieceBytes of [1, 100, 1_000_000]) {
        const [short, long] = [costOf(make(4_000), pieceBytes), costOf(make(64_000), pieceBytes)];
        assert(long <= short * 1.5 + 1, `${pieceBytes}: ${short} per byte, then ${long}`);
        assert(long <= 8, `${pieceBytes}: ${long} per byte`);
      }
    });
  }
});
