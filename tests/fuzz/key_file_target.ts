/**
 * Key files.
 *
 * @module
 */
import { readPrivateKey, readPublicKey } from "../../lib/crypto/key_file.ts";
import { utf8, VECTORS } from "./corpus.ts";
import { unless } from "./envelope_target.ts";
import { mutate } from "./mutator.ts";
import { base64Bytes } from "./reference_names.ts";
import { scratchFile } from "./scratch.ts";
import type { Target } from "./target.ts";

const MATERIAL = {
  samples: VECTORS.slice(0, 4).flatMap(({ receiver_private_key: key }) =>
    ["", "\n", "\r\n"].map((end) => utf8(key + end))
  ),
  words: ["\n", "\r", "=", "==", " ", "A", "-----BEGIN PRIVATE KEY-----"],
  maxBytes: 4_096,
};

/** "the raw 32 bytes of an X25519 key in base64, on one line". */
function reference(content: string): Uint8Array | undefined {
  const line = content.endsWith("\r\n")
    ? content.slice(0, -2)
    : content.endsWith("\n")
    ? content.slice(0, -1)
    : content;
  const bytes = base64Bytes(line);
  return bytes?.length === 32 ? bytes : undefined;
}

function check(input: Uint8Array): void {
  const path = scratchFile("a_private.key", input);
  const expected = reference(new TextDecoder("utf-8", { ignoreBOM: true }).decode(input))?.join();
  for (const read of [readPrivateKey, readPublicKey]) {
    const found = unless("configuration", () => read(path))?.join();
    if (found !== expected) throw new Error(`key ${found}, the reference has ${expected}`);
  }
}

/** What somebody calls a key file. */
export const keyFileTarget: Target = {
  name: "key_file",
  share: 16,
  make: (random) => mutate(random, MATERIAL),
  check,
};
