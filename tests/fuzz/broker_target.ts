/**
 * The broker's side of a connection, from bytes to steps and replies: framer, codec, session.
 *
 * @module
 */
import { DEFAULT_LIMITS, type Limits } from "../../lib/base/limits.ts";
import type { Step } from "../../lib/session/session.ts";
import { TextSession } from "../../lib/session/text_session.ts";
import { requirePrintable, textOf } from "./bytes.ts";
import { COMMANDS, PROTOCOL_WORDS, utf8 } from "./corpus.ts";
import { mutate } from "./mutator.ts";
import type { Random } from "./random.ts";
import { failureKind, type ReferenceStep, referenceSteps } from "./reference_broker.ts";
import type { Target } from "./target.ts";

const IDENTITY = "receiver_1";
const CONNECTION = 1;
const MATERIAL = {
  samples: [
    ...COMMANDS.map((line) => utf8(`${line}\n`)),
    utf8(`${COMMANDS.slice(5, 30).join("\n")}\n`),
  ],
  words: PROTOCOL_WORDS,
  maxBytes: 16_384,
};

/** Usual limits, and small ones that samples reach. */
export function limitsOf(random: Random): Limits {
  if (random.oneIn(2)) return DEFAULT_LIMITS;
  return {
    ...DEFAULT_LIMITS,
    maxLineBytes: random.pick([20, 64, 400, 1_000]),
    maxMessageBytes: random.pick([300, 322, 400]),
    maxBatchMessages: random.pick([1, 2, 3]),
  };
}

/** All steps of a session that gets `chunks`, and whether a line has begun. */
export function stepsOf(
  chunks: readonly Uint8Array[],
  limits: Limits,
): { readonly steps: Step[]; readonly session: TextSession } {
  const session = new TextSession({ connection: CONNECTION, identity: IDENTITY, limits });
  const steps: Step[] = [];
  for (const chunk of chunks) {
    // What is kept must not depend on the memory that the chunk came in.
    const own = chunk.slice();
    const found = session.receive(own);
    steps.push(...found.map(withOwnBody));
    own.fill(0);
    if (steps.at(-1)?.kind === "close") break;
  }
  return { steps, session };
}

function withOwnBody(step: Step): Step {
  if (step.kind !== "input" || step.input.kind !== "publish") return step;
  return { ...step, input: { ...step.input, body: step.input.body.slice() } };
}

/** A step in the words of the reference. */
function compare(step: Step | undefined, expected: ReferenceStep | undefined): boolean {
  if (step === undefined || expected === undefined) return false;
  if (expected === "close") return step.kind === "close";
  if ("input" in expected) {
    return step.kind === "input" &&
      textOf(step.input) === textOf({ ...expected.input, connection: CONNECTION });
  }
  if ("order" in expected) {
    return step.kind === "backup" && textOf(step.order) === textOf(expected.order);
  }
  if (step.kind !== "reply") return false;
  if ("reply" in expected) return step.reply.kind === expected.reply;
  return step.reply.kind === "failed" && expected.failures.includes(failureKind(step.reply.text));
}

/** Fails unless the steps are those that the reference gives for all bytes at once. */
export function requireSteps(stream: Uint8Array, steps: readonly Step[], limits: Limits): void {
  const expected = referenceSteps(stream, { identity: IDENTITY, ...limits });
  for (let i = 0; i < Math.max(steps.length, expected.length); i++) {
    if (compare(steps[i], expected[i])) continue;
    throw new Error(`step ${i} is ${textOf(steps[i])}, the reference has ${textOf(expected[i])}`);
  }
}

/** Fails if a reply is not one line without control characters. */
function requireReplies(steps: readonly Step[], session: TextSession): void {
  let replies = 0;
  for (const step of steps) {
    if (step.kind !== "reply") continue;
    session.reply(step.reply);
    replies++;
  }
  const lines = new TextDecoder("utf-8", { fatal: true }).decode(session.takeBytes()).split("\n");
  if (lines.length !== replies + 1) throw new Error("a reply is not one line");
  for (const line of lines) requirePrintable(line);
}

function check(input: Uint8Array, random: Random): void {
  const limits = limitsOf(random);
  const { steps, session } = stepsOf([input], limits);
  requireSteps(input, steps, limits);
  requireReplies(steps, session);
  const cuts = [random.cut(input)];
  if (input.length < 60 || random.oneIn(50)) cuts.push(bytesOf(input));
  const text = textOf(steps);
  for (const chunks of cuts) {
    const other = stepsOf(chunks, limits);
    if (textOf(other.steps) !== text) {
      throw new Error(`other steps in ${chunks.length} chunks: ${textOf(other.steps)}`);
    }
    if (other.session.unfinishedBytes !== session.unfinishedBytes) {
      throw new Error("not as many bytes of an unfinished line");
    }
  }
}

/** Every byte by itself. */
export function bytesOf(input: Uint8Array): Uint8Array[] {
  return Array.from(input, (byte) => Uint8Array.of(byte));
}

/** What a client sends. */
export const brokerTarget: Target = {
  name: "broker",
  share: 220,
  make: (random) => mutate(random, MATERIAL),
  check,
};
