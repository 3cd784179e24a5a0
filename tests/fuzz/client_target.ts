/**
 * The client's side of a connection: what a broker, or who says it is one, sends.
 *
 * @module
 */
import { CipherMqError } from "../../lib/base/errors.ts";
import { TextClientCodec } from "../../lib/wire/text_codec.ts";
import { bytesOf } from "./broker_target.ts";
import { requirePrintable, textOf } from "./bytes.ts";
import { PROTOCOL_WORDS, REPLIES, utf8 } from "./corpus.ts";
import { mutate } from "./mutator.ts";
import type { Random } from "./random.ts";
import { referenceReplies } from "./reference_client.ts";
import type { Target } from "./target.ts";

const MATERIAL = {
  samples: [...REPLIES.map((line) => utf8(`${line}\n`)), utf8(`${REPLIES.join("\n")}\n`)],
  words: [...PROTOCOL_WORDS, ...REPLIES.slice(0, 20)],
  maxBytes: 16_384,
};

function decoded(
  chunks: readonly Uint8Array[],
  maxLineBytes: number,
): { readonly replies: object[]; readonly broken: boolean } {
  const codec = new TextClientCodec({ maxLineBytes });
  const replies: object[] = [];
  try {
    for (const chunk of chunks) replies.push(...codec.decode(chunk));
    return { replies, broken: false };
  } catch (error) {
    const known = error instanceof CipherMqError && /^(?:protocol|limit)$/.test(error.code);
    if (!known) throw error;
    requirePrintable(error.message);
    return { replies, broken: true };
  }
}

function check(input: Uint8Array, random: Random): void {
  const maxLineBytes = random.pick([16 * 1024 * 1024, 16, 64, 400]);
  const expected = referenceReplies(input, maxLineBytes);
  const texts = expected.replies.map(textOf);
  const cuts = [[input], random.cut(input)];
  if (input.length < 60 || random.oneIn(50)) cuts.push(bytesOf(input));
  for (const chunks of cuts) {
    const { replies, broken } = decoded(chunks, maxLineBytes);
    if (broken !== expected.broken) throw new Error(`broken ${broken}, the reference says not so`);
    // A broker that cannot be understood may take the replies of its last chunk with it.
    const complete = broken || replies.length === texts.length;
    if (!complete || replies.some((reply, i) => textOf(reply) !== texts[i])) {
      throw new Error(`replies ${textOf(replies)}, the reference has ${textOf(expected.replies)}`);
    }
  }
}

/** What a broker sends. */
export const clientTarget: Target = {
  name: "client",
  share: 400,
  make: (random) => mutate(random, MATERIAL),
  check,
};
