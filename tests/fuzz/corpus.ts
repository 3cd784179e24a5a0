/**
 * Valid samples of what the program reads, and the words of its formats.
 *
 * @module
 */
import vectors from "../vectors/seed_envelopes.json" with { type: "json" };
import { DEFAULT_LIMITS } from "../../lib/base/limits.ts";
import { pythonJson, sampleEnvelope } from "../support/sample_envelope.ts";

const encoder = new TextEncoder();

/** UTF-8. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Envelopes with the keys that open them, made by libsodium and OpenSSL. */
export const VECTORS = vectors.envelopes;

const KEY = "6YsmYsls7gDvygT/BLit1F7Ndxm+DiQSyuDH5uqyERY=";
const SHORT = JSON.stringify(sampleEnvelope({ message_id: "m-1", ciphertext: "" }));
const WILD = sampleEnvelope({ message_id: 'é😀"\\', receiver_client_id: "__proto__" });

/** Envelopes as clients write them, the odd ones too. */
export const ENVELOPES: readonly string[] = [
  SHORT,
  JSON.stringify(sampleEnvelope()),
  pythonJson(sampleEnvelope()),
  JSON.stringify(WILD),
  JSON.stringify(WILD).replace("é", "\\u00e9"),
  JSON.stringify(Object.fromEntries(Object.entries(sampleEnvelope()).reverse())),
  ...VECTORS.map(({ envelope }) => JSON.stringify(envelope)).filter((text) => text.length < 500)
    .slice(0, 3),
];

const BATCH = `[${SHORT},${pythonJson(sampleEnvelope({ message_id: "m-2" }))}]`;

/** Every command, as `docs/protocol.md` has it. */
export const COMMANDS: readonly string[] = [
  ...["heartbeat", "stats", "reset_stats now", "", "no_such command"],
  ...["backup", "backup_read 196608", "backup_end"],
  ...["declare_exchange ciphermq", "declare_exchange events topic", "delete_exchange events force"],
  "declare_queue orders",
  "declare_queue orders max_deliveries=5 ttl_ms=86400000 expired=dead",
  "declare_queue orders ack_timeout_ms=1 max_messages=1 max_bytes=4294967296 expired=remove",
  ...["delete_queue orders", "delete_queue orders force", "purge orders", "purge orders force"],
  ...["bind orders ciphermq orders", "unbind orders events orders.*.paid"],
  ...["consume orders", "consume orders 256", "fetch orders"],
  ...["ack m-1", "touch m-1", "nack m-1", "nack m-1 again", "nack m-1 dead"],
  "nack m-1 dead cannot be decrypted",
  ...["dead_letters orders", "dead_letters orders 17", "redrive orders", "redrive orders m-1"],
  ...[`register_key receiver_1 ${KEY}`, `register_public_key receiver_1 ${KEY}`],
  ...["get_key receiver_1", "get_public_key é😀"],
  ...ENVELOPES.map((envelope) => `publish ciphermq orders ${envelope}`),
  `publish events orders.7.paid ${SHORT} ttl_ms=60000`,
  `publish_batch ciphermq orders ${BATCH}`,
  `publish_batch ciphermq orders [${ENVELOPES[3]}]`,
];

/** Every reply. */
export const REPLIES: readonly string[] = [
  ...["Exchange declared", "Queue declared", "Queue bound", "Queue unbound", "Queue deleted"],
  ...["Exchange deleted", "Queue purged: 12", "ACK m-1", "ACK é😀", "ACK_CONFIRMED m-1"],
  ...["NACK_CONFIRMED m-1", "TOUCHED m-1", "Subscribed to queue", "No messages", "Redriven: 3"],
  ...["Dead letters: []", 'Stats: {"queues":[]}', "Stats reset", "HEARTBEAT_OK"],
  ...["Backup: 65536", "Backup piece: AQID", "Backup ended"],
  ...["Public key registered", "No public key found", `Public key: ${KEY}`],
  ...["Missing parameters", "Unknown command", "Error: no queue for message m-1", "Errors"],
  "Error: no room for message m 1 for message m-1",
  "Invalid batch format: message 0: not valid JSON",
  ...ENVELOPES.slice(0, 4).map((envelope) => `Message: m-1 ${envelope}`),
];

/** Words of the protocol. */
export const PROTOCOL_WORDS: readonly string[] = [
  ...COMMANDS.map((line) => line.split(" ")[0]!),
  ...["message_id", "receiver_client_id", "enc_session_key", "nonce", "tag", "ciphertext"]
    .map((field) => `"${field}":`),
  ...["\n", "\r\n", " ", "  ", "=", ",", '"', "\\", '\\"', "\\u0000", "\\ud800", "[", "]", "{}"],
  ...[" ttl_ms=1", " ttl_ms=0", " ttl_ms=", " other=1", " force", " again", " dead", " dead x"],
  ...["null", "true", "[]", '""', "__proto__", '"__proto__":{}', "constructor", "AA==", "AB=="],
  ...["for message ", " for message m", "ACK ", "Message: ", "Error: ", "Error", "Stats: "],
  ..."ack_timeout_ms=1 max_deliveries=0 ttl_ms=9 expired=dead max_messages= max_bytes=x"
    .split(" ").map((option) => ` ${option}`),
];

/** A `config.toml` that names files which need not be there. */
export const SERVER_CONFIGURATION = `[server]
connection_type = "tls"
address = "127.0.0.1:5672" # a comment

[tls]
cert_path = "server.crt"
key_path = "server.key"
ca_cert_path = 'ca.crt'
min_version = "1.2"

[database]
dbname = "broker.db"

[encryption]
aes_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

[limits]
max_line_bytes = 1048576
max_message_bytes = 1_000

[log]
level = "info"
`;

/** Words of `config.toml`. */
export const SERVER_WORDS: readonly string[] = [
  ...["[server]\n", "[tls]\n", "[limits]\n", "[[limits]]\n", "[a.b.c]\n", "aes_key_file = "],
  ...Object.keys(DEFAULT_LIMITS).map((name) =>
    `${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)} = 1\n`
  ),
  ...[
    '"""',
    "'''",
    "\\u0000",
    "\\U00110000",
    "inf",
    "nan",
    "1979-05-27T07:32:00Z",
    "0x10",
    "{",
    "}",
  ],
  ...[
    '"[::1]:5672"',
    '":0"',
    '"127.0.0.1:99999"',
    "__proto__ = 1\n",
    "constructor.a = 1\n",
    "true",
  ],
];

/** A `config.json`. */
export const CLIENT_CONFIGURATION = JSON.stringify({
  receiver_client_ids: ["receiver_1", "receiver_2"],
  queue_name: "receiver_1",
  exchange_name: "ciphermq",
  routing_key: "receiver_1",
  server_address: "127.0.0.1",
  server_port: 5672,
  tls: {
    protocol: "PROTOCOL_TLS_CLIENT",
    certificate_path: "certs/ca.crt",
    client_cert_path: "certs/a.crt",
    client_key_path: "certs/a.key",
    verify_mode: "CERT_REQUIRED",
    check_hostname: false,
  },
});

/** Words of `config.json`. */
export const CLIENT_WORDS: readonly string[] = [
  ...['"tls":', '"server_port":', "1e99", "null", "{}", "[]", '"\\u0000"', '"__proto__":{"a":1},'],
  ...['"CERT_NONE"', "true", ",", ":", "65536", '"receiver_client_ids":"a"', '"queue_name":""'],
];
