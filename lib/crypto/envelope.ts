/**
 * Seals texts into envelopes and opens them: AES-256-GCM under a session key that travels in a
 * sealed box. `FORMAT.md` says what this protects and what it does not.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv } from "node:crypto";
import { type Clock, systemClock } from "../base/clock.ts";
import { base64Length, decodedLength, fromBase64, toBase64 } from "../base/bytes.ts";
import {
  type Envelope,
  NONCE_BYTES,
  SEALED_SESSION_KEY_BYTES,
  TAG_BYTES,
} from "../base/envelope.ts";
import { CipherMqError } from "../base/errors.ts";
import { nameProblem } from "../base/names.ts";
import { type Entropy, systemRandom } from "../base/random.ts";
import { fromUtf8 } from "../base/utf8.ts";
import { type KeyPair, publicKeyOf } from "./key_pair.ts";
import { openSealedBox, sealBox } from "./sealed_box.ts";
import { SessionKeyCache } from "./session_key_cache.ts";

const ALGORITHM = "aes-256-gcm";
const SESSION_KEY_BYTES = 32;
const NOTHING = new Uint8Array(0);
const NONCES_DRAWN = 64;
/** Characters of a nonce in base64: no padding, so that many are one base64 text too. */
const NONCE_TEXT = base64Length(NONCE_BYTES);

/** The most messages that one session key encrypts. */
export const MAX_SESSION_MESSAGES = 10_000;
/** The longest that one session key is used, in milliseconds: 10 minutes. */
export const MAX_SESSION_AGE_MS = 600_000;

/** To whom an {@linkcode EnvelopeSealer} seals, and how long it keeps a session key. */
export interface EnvelopeSealerOptions {
  /** The receiver's client id: the Common Name of its certificate. */
  readonly receiver: string;
  /** The receiver's X25519 key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Messages per session key, 1 to 10,000. Default 10,000; 1 gives each message its own. */
  readonly maxMessages?: number;
  /** Age at which a session key is replaced, above 0 to 600,000 milliseconds. Default 600,000. */
  readonly maxAgeMs?: number;
  /** Where the time comes from. Default: the machine. */
  readonly clock?: Clock;
  /** Where keys, nonces and message ids come from. Default: the machine. */
  readonly random?: Entropy;
}

/** What {@linkcode seal} seals, and to whom. */
export interface SealOptions {
  /** The receiver's client id: the Common Name of its certificate. */
  readonly receiver: string;
  /** The receiver's X25519 key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The message. */
  readonly text: string;
  /** The message's id, unique for this sender. Default: a random UUID. */
  readonly messageId?: string;
}

/** A session key in use. */
interface Session {
  readonly key: Uint8Array;
  /** The key in its sealed box, base64. */
  readonly sealedKey: string;
  readonly sinceMs: number;
  messages: number;
}

/**
 * Seals one message with a session key of its own. For many, an {@linkcode EnvelopeSealer} is
 * ten times as fast. Throws what {@linkcode EnvelopeSealer} throws.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { open, seal } from "./envelope.ts";
 * import { generateKeyPair } from "./key_pair.ts";
 *
 * const { publicKey, privateKey } = generateKeyPair();
 * const envelope = seal({ receiver: "receiver_1", publicKey, text: "hello" });
 * assert(open(envelope, privateKey) === "hello");
 * ```
 */
export function seal({ receiver, publicKey, text, messageId }: SealOptions): Envelope {
  return new EnvelopeSealer({ receiver, publicKey }).seal(text, messageId);
}

/**
 * Opens one message. Throws what {@linkcode EnvelopeOpener} throws.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { open, seal } from "./envelope.ts";
 * import { generateKeyPair } from "./key_pair.ts";
 *
 * const { publicKey, privateKey } = generateKeyPair();
 * const envelope = seal({ receiver: "receiver_1", publicKey, text: "hello" });
 * assert(open(envelope, privateKey) === "hello");
 * ```
 */
export function open(envelope: Envelope, privateKey: Uint8Array): string {
  return new EnvelopeOpener(privateKey).open(envelope);
}

/**
 * Seals messages to one receiver. A session key and its sealed box serve many messages, each with
 * its own random nonce: at most 10,000 messages, where NIST SP 800-38D, section 8.3, allows 2^32.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { EnvelopeSealer } from "./envelope.ts";
 * import { generateKeyPair } from "./key_pair.ts";
 *
 * const { publicKey } = generateKeyPair();
 * const sealer = new EnvelopeSealer({ receiver: "receiver_1", publicKey });
 * const [first, second] = [sealer.seal("one"), sealer.seal("two")];
 * assert(first.enc_session_key === second.enc_session_key);
 * assert(first.nonce !== second.nonce);
 * ```
 */
export class EnvelopeSealer {
  readonly #receiver: string;
  readonly #publicKey: Uint8Array;
  readonly #maxMessages: number;
  readonly #maxAgeMs: number;
  readonly #clock: Clock;
  readonly #random: Entropy;
  #session: Session | undefined;
  /** Random bytes for the nonces to come, as such and in base64, and how many of them are used. */
  #nonces = NOTHING;
  #nonceTexts = "";
  #usedNonces = 0;

  /**
   * Takes the receiver, its key and the bounds of a session. Throws `invalid_name` for a client id
   * that cannot be one, `RangeError` for bounds beyond what is safe.
   */
  constructor(options: EnvelopeSealerOptions) {
    const { maxMessages = MAX_SESSION_MESSAGES, maxAgeMs = MAX_SESSION_AGE_MS } = options;
    requireName(options.receiver, "receiver's client id");
    if (!Number.isInteger(maxMessages) || maxMessages < 1 || maxMessages > MAX_SESSION_MESSAGES) {
      throw new RangeError(`maxMessages is not a whole number from 1 to ${MAX_SESSION_MESSAGES}`);
    }
    if (!(maxAgeMs > 0 && maxAgeMs <= MAX_SESSION_AGE_MS)) {
      throw new RangeError(`maxAgeMs is not above 0 and up to ${MAX_SESSION_AGE_MS}`);
    }
    this.#receiver = options.receiver;
    this.#publicKey = Uint8Array.from(options.publicKey);
    this.#maxMessages = maxMessages;
    this.#maxAgeMs = maxAgeMs;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
  }

  /**
   * Seals `text` under `messageId`, by default a random UUID. Throws `invalid_name` for an id that
   * cannot be one, `invalid_message` for a text that UTF-8 cannot carry (a lone surrogate), and
   * `cryptographic` when the receiver's key is not a valid X25519 key.
   */
  seal(text: string, messageId: string = this.#random.uuid()): Envelope {
    requireName(messageId, "message id");
    // Encoding would put U+FFFD in its place, and the receiver would read another text.
    if (!text.isWellFormed()) {
      throw new CipherMqError("invalid_message", "cannot seal the text: it has a lone surrogate");
    }
    const session = this.#currentSession();
    session.messages++;
    const { nonce, text: nonceText } = this.#nextNonce();
    const plaintext = Buffer.from(text, "utf8");
    const cipher = createCipheriv(ALGORITHM, session.key, nonce);
    const ciphertext = cipher.update(plaintext);
    cipher.final();
    return {
      message_id: messageId,
      receiver_client_id: this.#receiver,
      enc_session_key: session.sealedKey,
      nonce: nonceText,
      tag: cipher.getAuthTag().toString("base64"),
      ciphertext: ciphertext.toString("base64"),
    };
  }

  /** A nonce that was never used: many are drawn at once, which is cheaper than one each time. */
  #nextNonce(): { readonly nonce: Uint8Array; readonly text: string } {
    if (this.#usedNonces * NONCE_BYTES === this.#nonces.length) {
      this.#nonces = this.#random.bytes(NONCES_DRAWN * NONCE_BYTES);
      this.#nonceTexts = toBase64(this.#nonces);
      this.#usedNonces = 0;
    }
    const at = this.#usedNonces++;
    return {
      nonce: this.#nonces.subarray(at * NONCE_BYTES, (at + 1) * NONCE_BYTES),
      text: this.#nonceTexts.slice(at * NONCE_TEXT, (at + 1) * NONCE_TEXT),
    };
  }

  #currentSession(): Session {
    const { monoMs } = this.#clock.now();
    const session = this.#session;
    if (
      session !== undefined && session.messages < this.#maxMessages &&
      monoMs - session.sinceMs < this.#maxAgeMs
    ) return session;
    const key = this.#random.bytes(SESSION_KEY_BYTES);
    const sealedKey = toBase64(sealBox(key, this.#publicKey, this.#random));
    return this.#session = { key, sealedKey, sinceMs: monoMs, messages: 0 };
  }
}

/**
 * Opens messages that were sealed to one private key. Whatever is wrong with an envelope, the error
 * is the same. Whom the envelope says it is for is not looked at: that is the caller's to check.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { EnvelopeOpener, seal } from "./envelope.ts";
 * import { generateKeyPair } from "./key_pair.ts";
 *
 * const { publicKey, privateKey } = generateKeyPair();
 * const opener = new EnvelopeOpener(privateKey);
 * const texts = ["one", "two"].map((text) => seal({ receiver: "receiver_1", publicKey, text }));
 * assert(texts.map((envelope) => opener.open(envelope)).join() === "one,two");
 * ```
 */
export class EnvelopeOpener {
  readonly #keyPair: KeyPair;
  readonly #sessions: SessionKeyCache;

  /**
   * Takes the receiver's X25519 key, and where to remember session keys: senders use one for many
   * messages. Throws `cryptographic` unless the key has 32 bytes.
   */
  constructor(privateKey: Uint8Array, sessions: SessionKeyCache = new SessionKeyCache()) {
    this.#sessions = sessions;
    this.#keyPair = {
      publicKey: publicKeyOf(privateKey),
      privateKey: Uint8Array.from(privateKey),
    };
  }

  /** Opens a message and gives its text. Throws `cryptographic` when it cannot be opened. */
  open(envelope: Envelope): string {
    try {
      const sealedKey = envelope.enc_session_key;
      const key = this.#sessions.get(sealedKey) ?? this.#openSessionKey(sealedKey);
      const text = decrypt(envelope, key);
      // Remembered only after a message opened with it, so that junk cannot drive out what is used.
      this.#sessions.remember(sealedKey, key);
      return text;
    } catch {
      throw new CipherMqError(
        "cryptographic",
        "cannot open the message: it was sealed to another key, or altered",
      );
    }
  }

  #openSessionKey(sealedKey: string): Uint8Array {
    const sealed = fromBase64(sealedKey, SEALED_SESSION_KEY_BYTES);
    if (sealed === undefined) throw new SyntaxError("not the base64 of a sealed session key");
    return openSealedBox(sealed, this.#keyPair);
  }
}

// A message's fields in bytes, for as long as it is opened.
const nonceBytes = new Uint8Array(NONCE_BYTES);
const tagBytes = new Uint8Array(TAG_BYTES);
const ciphertextBytes = new Uint8Array(16 * 1024);

/** What it throws never leaves this module. */
function decrypt(envelope: Envelope, key: Uint8Array): string {
  // All before the decipher exists: one that never comes to its end is never freed.
  const nonce = decode(envelope.nonce, NONCE_BYTES, nonceBytes);
  const tag = decode(envelope.tag, TAG_BYTES, tagBytes);
  const length = decodedLength(envelope.ciphertext);
  const ciphertext = decode(envelope.ciphertext, length, ciphertextBytes);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(tag);
  const plaintext = decipher.update(ciphertext);
  decipher.final();
  const text = fromUtf8(plaintext);
  if (text === undefined) throw new SyntaxError("not UTF-8");
  return text;
}

/** Decodes a field, into `target` if it is large enough. */
function decode(field: string, bytes: number, target: Uint8Array<ArrayBuffer>): Uint8Array {
  const decoded = fromBase64(field, bytes, target);
  if (decoded === undefined) throw new SyntaxError("not the base64 of a field");
  return decoded;
}

function requireName(name: string, what: string): void {
  const problem = nameProblem(name);
  if (problem === undefined) return;
  throw new CipherMqError("invalid_name", `cannot seal a message: the ${what} ${problem}`);
}
