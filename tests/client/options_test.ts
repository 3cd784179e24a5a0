/**
 * `config.json`: the original's file works as it stands, and every mistake is named.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { CipherMqError } from "../../lib/base/errors.ts";
import { readClientOptions } from "../../lib/client/options.ts";

const ORIGINAL = {
  receiver_client_ids: ["CipherMQ-Receiver"],
  queue_name: "CipherMQ_queue",
  exchange_name: "CipherMQ_exchange",
  routing_key: "CipherMQ_key",
  server_address: "127.0.0.1",
  server_port: 5672,
  tls: {
    protocol: "PROTOCOL_TLS_CLIENT",
    certificate_path: "certs/ca.crt",
    client_cert_path: "certs/client.crt",
    client_key_path: "certs/client.key",
    verify_mode: "CERT_REQUIRED",
    check_hostname: false,
  },
};

function withFile<T>(content: string, use: (file: string, folder: string) => T): T {
  const folder = Deno.makeTempDirSync();
  try {
    const file = join(folder, "config.json");
    Deno.writeTextFileSync(file, content);
    return use(file, folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function read(value: unknown) {
  return withFile(JSON.stringify(value), (file) => readClientOptions(file));
}

function failure(content: string): string {
  return withFile(content, (file, folder) => {
    try {
      readClientOptions(file);
    } catch (error) {
      assert(error instanceof CipherMqError, String(error));
      assert.equal(error.code, "configuration");
      return error.message.replaceAll(folder, "DIR");
    }
    throw new Error("the configuration was accepted");
  });
}

Deno.test("the original's config.json works as it stands", () => {
  withFile(JSON.stringify(ORIGINAL), (file, folder) => {
    assert.deepEqual(readClientOptions(file), {
      receivers: ["CipherMQ-Receiver"],
      queue: "CipherMQ_queue",
      exchange: "CipherMQ_exchange",
      routingKey: "CipherMQ_key",
      host: "127.0.0.1",
      port: 5672,
      tls: {
        caPath: join(folder, "certs/ca.crt"),
        certPath: join(folder, "certs/client.crt"),
        keyPath: join(folder, "certs/client.key"),
        checkHostname: false,
      },
    });
  });
});

Deno.test("receiver_client_ids may be one string", () => {
  assert.deepEqual(read({ receiver_client_ids: "receiver_1" }).receivers, ["receiver_1"]);
});

Deno.test("an empty file means the defaults, with the host name checked", () => {
  assert.deepEqual(read({}), {
    receivers: [],
    host: "127.0.0.1",
    port: 5672,
    tls: { checkHostname: true },
  });
  assert.equal(read({ tls: {} }).tls.checkHostname, true);
});

Deno.test("a verify_mode that would not verify the broker is refused", () => {
  for (const verify_mode of ["CERT_NONE", "CERT_OPTIONAL", "", 0]) {
    assert.match(
      failure(JSON.stringify({ tls: { ...ORIGINAL.tls, verify_mode } })),
      /DIR\/config\.json: tls\.verify_mode is wrong: expected "CERT_REQUIRED"/,
    );
  }
});

Deno.test("unknown keys are errors that name them", () => {
  const cases = [
    ['{"server_adress":"x"}', /unknown key "server_adress"/],
    ['{"tls":{"ca":"x"}}', /unknown key "tls\.ca"/],
    ['{"__proto__":{"server_port":1}}', /unknown key "__proto__"/],
  ] as const;
  for (const [content, expected] of cases) assert.match(failure(content), expected);
});

Deno.test("values of the wrong kind are errors that say what is expected", () => {
  const cases = [
    [{ server_port: 0 }, /server_port is wrong: expected a port from 1 to 65535/],
    [{ server_port: "5672" }, /server_port is wrong: expected a port/],
    [{ server_address: "" }, /server_address is wrong: expected a host name/],
    [{ queue_name: "two words" }, /queue_name is wrong: expected a name without spaces/],
    [{ receiver_client_ids: 5 }, /receiver_client_ids is wrong: expected/],
    [{ receiver_client_ids: ["a\nb"] }, /receiver_client_ids.* is wrong: expected/],
    [{ tls: { check_hostname: "false" } }, /tls\.check_hostname is wrong: expected true or false/],
    [{ tls: "certs" }, /tls is wrong: expected an object/],
  ] as const;
  for (const [value, expected] of cases) assert.match(failure(JSON.stringify(value)), expected);
  assert.match(failure("[]"), /the file is wrong: expected a JSON object/);
});

Deno.test("a file that is not JSON is an error with its place and without its text", () => {
  const text = failure('{"a": 1,\n "b": hidden}');
  assert.match(text, /DIR\/config\.json: it is not valid JSON/);
  assert(!text.includes("hidden"));
});
