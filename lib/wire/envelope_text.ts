/**
 * Envelopes out of JSON text that a peer wrote: bounded before it is parsed, checked field by
 * field, and brought to the one canonical text.
 *
 * @module
 */
import { type Envelope, envelopeText, toEnvelope } from "../base/envelope.ts";
import { CipherMqError } from "../base/errors.ts";
import { type EnvelopeHead, scanEnvelope } from "./envelope_scan.ts";
import { type JsonShape, jsonShapeProblem } from "./json_shape.ts";

const COMMAS_IN_ENVELOPE = 5;
const ENVELOPE_SHAPE: JsonShape = {
  maxDepth: 1,
  maxCommas: COMMAS_IN_ENVELOPE,
  tooMany: "an envelope has just six fields",
};

function invalid(why: string): CipherMqError {
  return new CipherMqError("invalid_message", why);
}

function parseJson(text: string, shape: JsonShape): unknown {
  const problem = jsonShapeProblem(text, shape);
  if (problem !== undefined) throw invalid(problem);
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own words quote what it was given.
    throw invalid("not valid JSON");
  }
}

/**
 * The envelope that `text` is the JSON of. Throws `invalid_message` with the reason, which repeats
 * nothing of the text.
 */
export function parseEnvelope(text: string): Envelope {
  return toEnvelope(parseJson(text, ENVELOPE_SHAPE));
}

function toHead(envelope: Envelope): EnvelopeHead {
  return {
    id: envelope.message_id,
    receiver: envelope.receiver_client_id,
    text: envelopeText(envelope),
  };
}

/** Reads one envelope as the broker needs it. Throws `invalid_message` like {@linkcode parseEnvelope}. */
export function readEnvelope(text: string): EnvelopeHead {
  const scanned = scanEnvelope(text, 0);
  return scanned?.end === text.length ? scanned : toHead(parseEnvelope(text));
}

/** All of a batch in the usual form, or nothing. */
function scanBatch(text: string, maxMessages: number): EnvelopeHead[] | undefined {
  if (!text.startsWith("[")) return undefined;
  const heads: EnvelopeHead[] = [];
  for (let at = 1; heads.length < maxMessages;) {
    const scanned = scanEnvelope(text, at);
    if (scanned === undefined) return undefined;
    heads.push(scanned);
    at = scanned.end;
    if (text[at] === "]") return at === text.length - 1 ? heads : undefined;
    if (text[at] !== ",") return undefined;
    at += text[at + 1] === " " ? 2 : 1;
  }
  return undefined;
}

function parseBatch(text: string, maxMessages: number): EnvelopeHead[] {
  const tooMany = `more than ${maxMessages} messages`;
  const maxCommas = maxMessages * (COMMAS_IN_ENVELOPE + 1) - 1;
  const values = parseJson(text, { maxDepth: 2, maxCommas, tooMany });
  if (!Array.isArray(values)) throw invalid("a batch is a JSON array");
  if (values.length === 0) throw invalid("a batch has at least one message");
  if (values.length > maxMessages) throw invalid(tooMany);
  const heads = values.map((value, index) => {
    try {
      return toHead(toEnvelope(value));
    } catch (error) {
      if (!(error instanceof CipherMqError)) throw error;
      throw invalid(`message ${index}: ${error.message}`);
    }
  });
  requireNoRepetition(text, heads.length);
  return heads;
}

/** Of a repeated field the parser keeps the last one; only the commas of the text tell. */
function requireNoRepetition(text: string, messages: number): void {
  const maxCommas = messages * (COMMAS_IN_ENVELOPE + 1) - 1;
  const tooMany = "an envelope has just six fields, each once";
  const problem = jsonShapeProblem(text, { maxDepth: 2, maxCommas, tooMany });
  if (problem !== undefined) throw invalid(problem);
}

/**
 * Reads a JSON array of one to `maxMessages` envelopes. Throws `invalid_message`; where it is about
 * one envelope, the reason begins with `message <index>: `, counted from 0.
 */
export function readBatch(text: string, maxMessages: number): readonly EnvelopeHead[] {
  return scanBatch(text, maxMessages) ?? parseBatch(text, maxMessages);
}
