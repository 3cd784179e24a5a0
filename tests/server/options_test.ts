/**
 * `config.toml`: the seed's file works as it stands, and every mistake is named without its value.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { CipherMqError } from "../../lib/base/errors.ts";
import { DEFAULT_LIMITS } from "../../lib/base/limits.ts";
import { type Environment, readServerOptions } from "../../lib/server/options.ts";

const AES_KEY = new Uint8Array(32).fill(7);
const OTHER_KEY = new Uint8Array(32).fill(9);

const SEED = `[server]
connection_type = "tls"
address = "127.0.0.1:5672"

[tls]
cert_path = "certs/server.crt"
key_path = "certs/server.key"
ca_cert_path = "certs/ca.crt"

[database]
dbname = "public_keys.db"

[encryption]
aes_key = "${AES_KEY.toBase64()}"
`;

/** A folder with a configuration and the files it names; removed when its scope ends. */
class Folder {
  readonly path = Deno.makeTempDirSync();
  readonly config = join(this.path, "config.toml");

  constructor(toml: string) {
    Deno.mkdirSync(join(this.path, "certs"));
    this.write("config.toml", toml, 0o600);
    this.write("certs/server.crt", "-----BEGIN CERTIFICATE-----\nserver\n");
    this.write("certs/ca.crt", "-----BEGIN CERTIFICATE-----\nca\n");
    this.write("certs/server.key", "-----BEGIN PRIVATE KEY-----\nkey\n", 0o600);
  }

  write(name: string, content: string, mode = 0o644): void {
    const file = join(this.path, name);
    Deno.writeTextFileSync(file, content);
    Deno.chmodSync(file, mode);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function failure(toml: string, env: Environment = {}, prepare?: (folder: Folder) => void) {
  using folder = new Folder(toml);
  prepare?.(folder);
  try {
    readServerOptions(folder.config, env);
  } catch (error) {
    assert(error instanceof CipherMqError, String(error));
    assert.equal(error.code, "configuration");
    return { text: error.message.replaceAll(folder.path, "DIR"), hint: error.hint };
  }
  throw new Error("the configuration was accepted");
}

Deno.test("the seed's config.toml works as it stands", () => {
  using folder = new Folder(SEED);
  assert.deepEqual(readServerOptions(folder.config, {}), {
    host: "127.0.0.1",
    port: 5672,
    certificate: "-----BEGIN CERTIFICATE-----\nserver\n",
    privateKey: "-----BEGIN PRIVATE KEY-----\nkey\n",
    authorities: "-----BEGIN CERTIFICATE-----\nca\n",
    minTlsVersion: "TLSv1.3",
    databasePath: join(folder.path, "public_keys.db"),
    aesKey: AES_KEY,
    limits: DEFAULT_LIMITS,
    admins: [],
  });
});

Deno.test("an absolute path stays as it is", () => {
  using folder = new Folder(SEED.replace("public_keys.db", "/var/lib/ciphermq/broker.db"));
  assert.equal(readServerOptions(folder.config, {}).databasePath, "/var/lib/ciphermq/broker.db");
});

Deno.test("addresses are host:port or [IPv6]:port", () => {
  for (
    const [address, host, port] of [
      ["0.0.0.0:5672", "0.0.0.0", 5672],
      ["[::1]:0", "::1", 0],
      ["broker.example:65535", "broker.example", 65535],
    ] as const
  ) {
    using folder = new Folder(SEED.replace("127.0.0.1:5672", address));
    const options = readServerOptions(folder.config, {});
    assert.deepEqual([options.host, options.port], [host, port]);
  }
});

Deno.test("an address that is no host and port is refused", () => {
  for (const address of ["5672", "localhost", ":5672", "::1:5672", "[::1]", "a b:1", "h:65536"]) {
    assert.match(failure(SEED.replace("127.0.0.1:5672", address)).text, /server\.address is wrong/);
  }
});

Deno.test("the environment's AES key wins over the file's, and needs none there", () => {
  const env = { CIPHERMQ_AES_KEY: OTHER_KEY.toBase64() };
  for (const toml of [SEED, SEED.replace(/\[encryption\][^]*/, "")]) {
    using folder = new Folder(toml);
    assert.deepEqual(readServerOptions(folder.config, env).aesKey, OTHER_KEY);
  }
});

Deno.test("the AES key may be in a file of its own that only its owner can read", () => {
  const toml = SEED.replace(/aes_key = .*/, 'aes_key_file = "aes.key"');
  using folder = new Folder(toml);
  folder.write("aes.key", `${OTHER_KEY.toBase64()}\n`, 0o600);
  assert.deepEqual(readServerOptions(folder.config, {}).aesKey, OTHER_KEY);
  const open = failure(toml, {}, (folder) => folder.write("aes.key", OTHER_KEY.toBase64(), 0o640));
  assert.match(open.text, /DIR\/aes\.key: the AES key can be read by others/);
  assert.match(open.hint ?? "", /^chmod 600 /);
  assert.match(failure(toml).text, /cannot read the AES key DIR\/aes\.key: there is no such file/);
});

Deno.test("an AES key that is not 32 bytes is refused, wherever it comes from, and never printed", () => {
  const secret = new Uint8Array(31).fill(200).toBase64();
  const wrong = [
    failure(SEED.replace(/aes_key = .*/, `aes_key = "${secret}"`)),
    failure(SEED, { CIPHERMQ_AES_KEY: secret }),
    failure(
      SEED.replace(/aes_key = .*/, 'aes_key_file = "aes.key"'),
      {},
      (folder) => folder.write("aes.key", secret, 0o600),
    ),
  ];
  for (const { text, hint } of wrong) {
    assert.match(text, /is wrong: expected the base64 of 32 bytes/);
    assert(!`${text}${hint}`.includes(secret.slice(0, 8)));
  }
});

Deno.test("no mistake in the file makes an error print the secret", () => {
  const secret = AES_KEY.toBase64();
  const mistakes = [
    SEED.replace(`"${secret}"`, `"${secret}`),
    SEED.replace(`"${secret}"`, secret),
    SEED.replace("aes_key", "aeskey"),
    SEED.replace("aes_key =", "aes_key_file ="),
    SEED.replace('"tls"', `"${secret}"`),
    SEED.replace("127.0.0.1:5672", secret),
    `${SEED}[limits]\nmax_connections = "${secret}"\n`,
    `${SEED}[log]\nlevel = "${secret}"\n`,
  ];
  for (const toml of mistakes) {
    const { text, hint } = failure(toml);
    assert(!`${text}${hint}`.includes(secret.slice(0, 8)), text);
  }
});

Deno.test("the placeholder of the AES key gets a hint how to make one", () => {
  for (const placeholder of ["YOUR_BASE64_ENCODED_32_BYTE_AES_KEY", "BASE64_OF_32_BYTES"]) {
    const { text, hint } = failure(SEED.replace(/aes_key = .*/, `aes_key = "${placeholder}"`));
    assert.match(text, /encryption\.aes_key is still the placeholder/);
    assert.match(hint ?? "", /openssl rand -base64 32.*ciphermq init/);
  }
});

Deno.test("no AES key at all, or two, is an error", () => {
  assert.match(failure(SEED.replace(/aes_key = .*/, "")).text, /encryption\.aes_key is missing/);
  const two = `${SEED}aes_key_file = "aes.key"\n`;
  assert.match(failure(two).text, /aes_key and aes_key_file: expected one of them/);
});

Deno.test("connections other than TLS are refused with the reason", () => {
  for (const type of ["tcp", "TLS", ""]) {
    const { text } = failure(SEED.replace('"tls"', `"${type}"`));
    assert.match(text, /DIR\/config\.toml: server\.connection_type is wrong: expected "tls"/);
  }
});

Deno.test("TLS 1.2 is allowed only where the configuration asks for it", () => {
  const versions = [['min_version = "1.2"', "TLSv1.2"], ['min_version = "1.3"', "TLSv1.3"]];
  for (const [line, expected] of versions) {
    using folder = new Folder(SEED.replace("[database]", `${line}\n[database]`));
    assert.equal(readServerOptions(folder.config, {}).minTlsVersion, expected);
  }
  const old = SEED.replace("[database]", 'min_version = "1.1"\n[database]');
  assert.match(failure(old).text, /tls\.min_version is wrong: expected "1\.3" or "1\.2"/);
});

Deno.test("every limit can be set in snake case", () => {
  const names = Object.keys(DEFAULT_LIMITS) as (keyof typeof DEFAULT_LIMITS)[];
  for (const name of names) {
    const key = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    using folder = new Folder(`${SEED}[limits]\n${key} = ${DEFAULT_LIMITS[name] + 1}\n`);
    assert.deepEqual(readServerOptions(folder.config, {}).limits, {
      ...DEFAULT_LIMITS,
      [name]: DEFAULT_LIMITS[name] + 1,
    });
  }
});

Deno.test("limits that are no positive whole number or do not fit each other are refused", () => {
  const limit = (line: string) => failure(`${SEED}[limits]\n${line}\n`).text;
  for (const value of ["0", "-1", "1.5", '"5"', "inf"]) {
    assert.match(
      limit(`max_connections = ${value}`),
      /limits\.max_connections is wrong: expected a positive whole number/,
    );
  }
  assert.match(
    limit("max_line_bytes = 1000"),
    /limits do not fit each other: expected that max_message_bytes is below max_line_bytes/,
  );
});

Deno.test("the admins are clients' names, and there are none unless they are listed", () => {
  const admins = (toml: string) => {
    using folder = new Folder(SEED + toml);
    return readServerOptions(folder.config, {}).admins;
  };
  assert.deepEqual(admins(""), []);
  assert.deepEqual(admins("[acl]\n"), []);
  assert.deepEqual(admins('[acl]\nadmins = ["admin", "op.2"]\n'), ["admin", "op.2"]);
  for (const name of ['""', '"a b"', '"*"', '"-a"', '"a\\n"', "7", `"${"a".repeat(65)}"`]) {
    const { text } = failure(`${SEED}[acl]\nadmins = ["admin", ${name}]\n`);
    assert.match(text, /acl\.admins\.1 is wrong: expected a client's name/, name);
  }
  assert.match(
    failure(`${SEED}[acl]\nadmins = "admin"\n`).text,
    /acl\.admins is wrong: expected a/,
  );
  assert.match(failure(`${SEED}[acl]\nadmin = ["a"]\n`).text, /unknown key "acl\.admin"/);
});

Deno.test("the log level is one of four words", () => {
  using folder = new Folder(`${SEED}[log]\nlevel = "warning"\n`);
  assert.equal(readServerOptions(folder.config, {}).logLevel, "warning");
  assert.match(failure(`${SEED}[log]\nlevel = "loud"\n`).text, /log\.level is wrong/);
});

Deno.test("unknown keys and sections are errors that name them", () => {
  const cases = [
    [SEED.replace("[tls]", 'adress = "x"\n[tls]'), /unknown key "server\.adress"/],
    [`${SEED}[extra]\nx = 1\n`, /unknown key "extra"/],
    [`${SEED}[limits]\nmaxLineBytes = 5\n`, /unknown key "limits\.maxLineBytes"/],
    [`${SEED}[__proto__]\nx = 1\n`, /unknown key "__proto__"/],
    [`${SEED}"a\\nb" = 1\n`, /unknown key "encryption\.a\\nb"/],
  ] as const;
  for (const [toml, expected] of cases) assert.match(failure(toml).text, expected);
});

Deno.test("all problems of a file are told at once, each with its key", () => {
  const { text } = failure("[server]\naddress = 5672\n");
  for (
    const expected of [
      /server\.connection_type is missing: expected "tls"/,
      /server\.address is wrong: expected host:port/,
      /tls is missing: expected a section \[tls\]/,
      /database is missing: expected a section \[database\]/,
    ]
  ) assert.match(text, expected);
});

Deno.test("a file that is missing or not TOML is an error with its place", () => {
  assert.match(
    failure(SEED, {}, (folder) => Deno.removeSync(folder.config)).text,
    /cannot read the configuration DIR\/config\.toml: there is no such file/,
  );
  assert.match(failure("[server]\nx\n").text, /DIR\/config\.toml: it is not valid TOML at line 2/);
});

Deno.test("certificate files that are missing or not PEM are named", () => {
  const remove = (name: string) => (folder: Folder) => Deno.removeSync(join(folder.path, name));
  for (const name of ["certs/server.crt", "certs/server.key", "certs/ca.crt"]) {
    assert(failure(SEED, {}, remove(name)).text.includes(`DIR/${name}: there is no such file`));
    const swapped = failure(SEED, {}, (folder) => folder.write(name, "not PEM", 0o600));
    assert(swapped.text.includes(`DIR/${name}:`) && swapped.text.includes("is not PEM"));
  }
});

Deno.test("a configuration that others can read is named if it holds the AES key itself", () => {
  const exposed = (toml: string, mode: number, env: Environment = {}) => {
    using folder = new Folder(toml);
    folder.write("config.toml", toml, mode);
    folder.write("aes.key", AES_KEY.toBase64(), 0o600);
    const { exposedKeyFile } = readServerOptions(folder.config, env);
    assert(exposedKeyFile === undefined || exposedKeyFile === folder.config);
    return exposedKeyFile !== undefined;
  };
  for (const mode of [0o644, 0o640, 0o604]) assert(exposed(SEED, mode), mode.toString(8));
  for (const mode of [0o600, 0o400]) assert(!exposed(SEED, mode), mode.toString(8));
  const elsewhere = SEED.replace(/aes_key = .*/, 'aes_key_file = "aes.key"');
  assert(!exposed(elsewhere, 0o644));
  const placeholder = SEED.replace(/aes_key = .*/, 'aes_key = "BASE64_OF_32_BYTES"');
  const env = { CIPHERMQ_AES_KEY: OTHER_KEY.toBase64() };
  assert(!exposed(placeholder, 0o644, env));
  assert(exposed(SEED, 0o644, env), "the key is in the file whether it is used or not");
});

Deno.test("a private key that others can read is refused with the command that mends it", () => {
  for (const mode of [0o644, 0o640, 0o604, 0o620]) {
    const { text, hint } = failure(SEED, {}, (folder) => {
      folder.write("certs/server.key", "-----BEGIN PRIVATE KEY-----\n", mode);
    });
    assert.match(text, /DIR\/certs\/server\.key: the server's private key can be read by others/);
    assert.match(hint ?? "", /^chmod 600 .*server\.key$/);
  }
});
