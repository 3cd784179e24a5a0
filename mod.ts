/**
 * CipherMQ as a library: run a broker, send and receive end-to-end-encrypted messages, make keys and
 * certificates.
 *
 * @example Seal and open a message without any broker
 * ```ts
 * import assert from "node:assert/strict";
 * import { generateKeyPair, open, seal } from "@ciphermq/ciphermq";
 *
 * const { publicKey, privateKey } = generateKeyPair();
 * const envelope = seal({ receiver: "receiver_1", publicKey, text: "hello" });
 * assert(open(envelope, privateKey) === "hello");
 * ```
 *
 * @example A broker, a receiver and a sender
 * ```ts
 * import assert from "node:assert/strict";
 * import {
 *   BrokerServer,
 *   createAuthority,
 *   DEFAULT_LIMITS,
 *   generateKeyPair,
 *   HandlerSink,
 *   issueClientCertificate,
 *   issueServerCertificate,
 *   MemoryInbox,
 *   Receiver,
 *   Sender,
 * } from "@ciphermq/ciphermq";
 *
 * // `ciphermq init` makes all of this as files.
 * const folder = await Deno.makeTempDir();
 * const authority = await createAuthority();
 * const authorities = authority.certificatePem;
 * const { certificatePem, privateKeyPem } = await issueServerCertificate(authority);
 * const broker = await BrokerServer.start({
 *   host: "127.0.0.1",
 *   port: 0,
 *   certificate: certificatePem,
 *   privateKey: privateKeyPem,
 *   authorities,
 *   minTlsVersion: "TLSv1.3",
 *   databasePath: `${folder}/broker.db`,
 *   aesKey: crypto.getRandomValues(new Uint8Array(32)),
 *   limits: DEFAULT_LIMITS,
 * });
 *
 * async function connectionOf(identity: string) {
 *   const { certificatePem, privateKeyPem } = await issueClientCertificate(authority, identity);
 *   const credentials = { certificate: certificatePem, privateKey: privateKeyPem, authorities };
 *   return { ...broker.address, credentials };
 * }
 *
 * // What the handler has done is remembered and acknowledged; then it is never asked again.
 * const received: string[] = [];
 * const receiver = await Receiver.start({
 *   connection: await connectionOf("receiver_1"),
 *   identity: "receiver_1",
 *   privateKey: generateKeyPair().privateKey,
 *   sink: new HandlerSink((messages) => {
 *     for (const { text } of messages) received.push(text);
 *   }, new MemoryInbox()),
 *   maxMessages: 1,
 * });
 *
 * const sender = await Sender.connect({ connection: await connectionOf("sender_1") });
 * await sender.send("receiver_1", "hello"); // the broker has it on disk
 * await receiver.done;
 * assert(received[0] === "hello");
 *
 * await sender.close();
 * await broker.stop();
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @module
 */

// The ground
export type { Clock, Now } from "./lib/base/clock.ts";
export type { Envelope } from "./lib/base/envelope.ts";
export { CipherMqError, type ErrorCode, type ErrorDetails } from "./lib/base/errors.ts";
export { DEFAULT_LIMITS, type Limits } from "./lib/base/limits.ts";
export type { Entropy, Random } from "./lib/base/random.ts";
export type { Runtime } from "./lib/base/runtime.ts";
export type { Cancel, Timers } from "./lib/base/timers.ts";
export type { Wire } from "./lib/base/wire.ts";

// The broker
export { BrokerServer } from "./lib/server/server.ts";
export {
  type Environment,
  type LogLevel,
  readServerOptions,
  type ServerFileOptions,
  type ServerOptions,
} from "./lib/server/options.ts";

// Clients
export type { BackoffOptions } from "./lib/client/backoff.ts";
export type { ConnectionOptions } from "./lib/client/connection.ts";
export type { KeepAliveOptions } from "./lib/client/conversation.ts";
export {
  type CredentialFiles,
  type Credentials,
  readCredentials,
} from "./lib/client/credentials.ts";
export type { Dial, DialOptions } from "./lib/client/dial.ts";
export {
  DurableInbox,
  type DurableInboxOptions,
  type PlacedBatch,
  type Placement,
} from "./lib/client/durable_inbox.ts";
export { DurableSpool } from "./lib/client/durable_spool.ts";
export { type Inbox, MemoryInbox } from "./lib/client/inbox.ts";
export type { KeyCacheOptions } from "./lib/client/key_cache.ts";
export type { LinkOptions } from "./lib/client/link.ts";
export {
  type BrokerStats,
  type DeadLetterInfo,
  type FetchedMessage,
  Operator,
} from "./lib/client/operator.ts";
export { OutputFile, type OutputFileOptions } from "./lib/client/output_file.ts";
export { Receiver, type ReceiverNotice, type ReceiverOptions } from "./lib/client/receiver.ts";
export type { Problem, ReceiverCounts } from "./lib/client/receiver_state.ts";
export {
  Sender,
  type SenderNotice,
  type SenderOptions,
  type SendOptions,
} from "./lib/client/sender.ts";
export type {
  SenderNotice as SenderStateNotice,
  SenderStateOptions,
  Settled,
} from "./lib/client/sender_state.ts";
export type { OutgoingMessage, WindowOptions } from "./lib/client/sender_window.ts";
export {
  HandlerSink,
  type MessageHandler,
  type MessageSink,
  type OpenedMessage,
} from "./lib/client/sink.ts";
export type { Spool, SpooledMessage } from "./lib/client/spool.ts";
export type { PublishedMessage } from "./lib/wire/command.ts";

// End-to-end encryption and its keys
export {
  EnvelopeOpener,
  EnvelopeSealer,
  type EnvelopeSealerOptions,
  open,
  seal,
  type SealOptions,
} from "./lib/crypto/envelope.ts";
export { generateKeyPair, type KeyPair, publicKeyOf } from "./lib/crypto/key_pair.ts";
export {
  type KeyFiles,
  type KeyFilesOptions,
  readPrivateKey,
  readPublicKey,
  writeKeyFiles,
} from "./lib/crypto/key_file.ts";

// Certificates
export {
  type Authority,
  type CertificateAndKey,
  createAuthority,
  loadAuthority,
} from "./lib/pki/authority.ts";
export {
  issueClientCertificate,
  issueServerCertificate,
  type ServerCertificateOptions,
  type Validity,
} from "./lib/pki/certificate.ts";
