/**
 * The project lints itself: who may import whom, what is pure, who prints, and how files look. Each
 * rule is also shown a text that breaks it.
 *
 * @module
 */
import assert from "node:assert/strict";
import project from "../deno.json" with { type: "json" };
import { folderOf, forbiddenImports, reachable, readImports } from "./support/import_graph.ts";
import {
  hasModuleComment,
  impurities,
  isOnlyTypes,
  isSnakeCase,
  leftNotes,
  longFunctions,
  looseImports,
  machineUses,
  MAX_FILE_LINES,
  prints,
  registryHosts,
  unlistedPackages,
} from "./support/source_rules.ts";

const ROOT = new URL("../", import.meta.url);
const PURE = ["lib/core", "lib/wire", "lib/guard", "lib/session"];
/** Files of clients that are for sockets, files or certificates; all others run in a simulator too. */
const CLIENT_EDGES = new Set(
  [
    "backup_file",
    "credentials",
    "database_file",
    "dial",
    "durable_inbox",
    "durable_spool",
    "folder_sync",
    "line_repair",
    "options",
  ]
    .concat("output_file", "tls_wire").map((name) => `lib/client/${name}.ts`),
);
const NOT_OURS = new Set([".git", "node_modules", "dist", "data", "cov_profile"]);

/**
 * Files of lib that have no test of their own name, and the test that shows what they do: of the one
 * part they belong to, or of whoever gives them something to do.
 */
const TESTED_BY: Readonly<Record<string, string>> = {
  "lib/base/assert.ts": "tests/base/limits_test.ts",
  "lib/base/clock.ts": "tests/e2e/conversation_test.ts",
  "lib/base/errors.ts": "tests/server/options_test.ts",
  "lib/base/identity_name.ts": "tests/cli/init_test.ts",
  "lib/base/log.ts": "tests/cli/logging_test.ts",
  "lib/base/random.ts": "tests/e2e/conversation_test.ts",
  "lib/base/raw_reading.ts": "tests/server/client_socket_test.ts",
  "lib/base/runtime.ts": "tests/server/server_test.ts",
  "lib/base/timers.ts": "tests/server/server_test.ts",
  "lib/client/folder_sync.ts": "tests/client/output_file_test.ts",
  "lib/client/route.ts": "tests/client/sender_window_test.ts",
  "lib/client/tls_wire.ts": "tests/client/connection_test.ts",
  "lib/client/sender_state.ts": "tests/client/sender_test.ts",
  "lib/pki/authority.ts": "tests/pki/certificate_test.ts",
  "lib/pki/host.ts": "tests/pki/certificate_test.ts",
  "lib/pki/signing.ts": "tests/pki/certificate_test.ts",
  "lib/server/batch.ts": "tests/server/engine_test.ts",
  "lib/server/running_broker.ts": "tests/server/server_test.ts",
  "lib/store/database_worker.ts": "tests/store/worker_database_test.ts",
  "lib/store/transaction.ts": "tests/store/sqlite_store_test.ts",
  "lib/wire/reply.ts": "tests/wire/text_reply_codec_test.ts",
};

/** Where the test of a file of `lib` is. */
function mirrorOf(file: string): string {
  return file.replace(/^lib\//, "tests/").replace(/\.ts$/, "_test.ts");
}

function* walk(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(new URL(folder, ROOT))) {
    if (NOT_OURS.has(entry.name)) continue;
    const path = folder === "./" ? entry.name : `${folder}${entry.name}`;
    if (entry.isDirectory) yield* walk(`${path}/`);
    else if (entry.isFile) yield path;
  }
}

const files = [...walk("./")].toSorted();
const sources = files.filter((file) => /^(?:lib|cli)\/.*\.ts$/.test(file));
const typescript = files.filter((file) => file.endsWith(".ts"));
const texts = files.filter((file) =>
  /(?:\.(?:ts|md|json|yml|lock|toml|py)|^ciphermq|^\.ci\/run|^\.gitignore)$/.test(file) &&
  !/^(?:certs\/|config\.)/.test(file)
);

function read(file: string): string {
  return Deno.readTextFileSync(new URL(file, ROOT));
}

function exists(file: string): boolean {
  return files.includes(file);
}

/** Applies a rule to each file, and fails with all that it reports. */
function holds(among: readonly string[], rule: (text: string, file: string) => string[]): void {
  const found = among.flatMap((file) => rule(read(file), file).map((what) => `${file}: ${what}`));
  assert.deepEqual(found, []);
}

const tests = typescript.filter((file) => file.endsWith("_test.ts"));
const imports = await readImports(ROOT, [...sources, ...tests, "main.ts", "mod.ts"]);

Deno.test("the folders of lib and cli import only what the table of the design allows", () => {
  assert.deepEqual(forbiddenImports(imports), []);
  assert(imports.length > 10, "the graph is read");
});

Deno.test("the table of imports can be broken", () => {
  const edge = (from: string, to: string, types = false) => forbiddenImports([{ from, to, types }]);
  const broken = [
    edge("lib/base/log.ts", "lib/core/queue.ts"),
    edge("lib/core/broker.ts", "lib/wire/reply.ts"),
    edge("lib/core/broker.ts", "lib/store/store.ts", true),
    edge("lib/store/sqlite_store.ts", "lib/core/restore.ts"),
    edge("lib/server/server.ts", "lib/crypto/envelope.ts"),
    edge("lib/client/sender.ts", "lib/server/server.ts"),
    edge("lib/admin/http.ts", "lib/core/queue.ts", true),
    edge("lib/wire/codec.ts", "cli/terminal.ts"),
    edge("lib/other/file.ts", "lib/base/log.ts"),
    edge("lib/base/log.ts", "mod.ts"),
    edge("lib/file.ts", "lib/base/log.ts"),
    edge("cli/send.ts", "lib/wire/codec.ts"),
    edge("cli/send.ts", "main.ts"),
  ];
  assert.deepEqual(broken.filter((found) => found.length !== 1), []);
  assert.deepEqual(edge("lib/store/store.ts", "lib/core/restore.ts", true), []);
  assert.deepEqual(edge("cli/cli.ts", "deno.json"), []);
});

Deno.test("the broker has no decryption code: lib/server/server.ts reaches nothing in lib/crypto", () => {
  const root = exists("lib/server/server.ts") ? "lib/server/server.ts" : "lib/server/engine.ts";
  const reached = [...reachable(imports, root)];
  assert.deepEqual(reached.filter((file) => folderOf(file) === "lib/crypto"), []);
  assert(reached.length > 5, "the graph is followed");
});

Deno.test("clients reach nothing of the broker's: not its core, its store or its server", () => {
  const forbidden = ["lib/core", "lib/store", "lib/server"];
  for (const file of sources.filter((file) => folderOf(file) === "lib/client")) {
    const reached = [...reachable(imports, file)];
    assert.deepEqual(reached.filter((one) => forbidden.includes(folderOf(one) ?? "")), [], file);
  }
});

Deno.test("reachability follows imports over several files and round circles", () => {
  const chain = [["a", "b"], ["b", "c"], ["c", "a"], ["d", "e"]] as const;
  const graph = chain.map(([from, to]) => ({ from, to, types: false }));
  assert.deepEqual([...reachable(graph, "a")].toSorted(), ["a", "b", "c"]);
});

Deno.test("core, wire, guard and session are pure", () => {
  holds(sources.filter((file) => PURE.includes(folderOf(file) ?? "")), impurities);
});

Deno.test("each impurity is found, in code and not in comments and strings", () => {
  const impure = [
    "const n = Deno.pid;",
    'import fs from "node:fs";',
    'import "node:fs";',
    "const t = Date.now();",
    "const t = new Date();",
    "const r = Math.random();",
    "const t = performance.now();",
    "setTimeout(f, 1);",
    "setInterval(f, 1);",
    "setImmediate(f);",
    "queueMicrotask(f);",
    "globalThis.f = setTimeout;",
    "async function f() {}",
    "class C { async m() {} }",
    "const f = async () => {};",
    "const o = { async m() {} };",
    "await f();",
    "for await (const x of y) f(x);",
    'const m = import("./x.ts");',
  ];
  assert.deepEqual(impure.filter((source) => impurities(source).length === 0), []);
  const pure = [
    "// Deno.pid, await, Date.now()",
    'const s = "async Deno Date.now()";',
    'const r = /"/; const broker = { x: 1 }; broker.fetch(); Math.max(1, 2);',
    "interface Clock { fetch(): void; }",
    "function asynchronous(awaited: number) { return awaited; }",
  ];
  assert.deepEqual(pure.flatMap(impurities), []);
});

Deno.test("the running broker, clients and envelopes are given time, chance, files and the network", () => {
  const atRunTime = imports.filter(({ types }) => !types);
  const broker = [...reachable(atRunTime, "lib/server/running_broker.ts")];
  assert(broker.length > 30, "the graph is followed");
  const clients = sources.filter((file) => folderOf(file) === "lib/client");
  assert([...CLIENT_EDGES].every((file) => clients.includes(file)));
  holds(broker.concat(clients.filter((file) => !CLIENT_EDGES.has(file))), machineUses);
  holds(["envelope", "key_pair", "sealed_box"].map((name) => `lib/crypto/${name}.ts`), machineUses);
});

Deno.test("each use of the machine is found, in code and not in comments and strings", () => {
  const uses = [
    'import net from "node:net";',
    'import type { TLSSocket } from "node:tls";',
    'import { setTimeout as wait } from "node:timers/promises";',
    'import { randomBytes } from "node:crypto";',
    'import { randomUUID as id } from "node:crypto";',
    "crypto.getRandomValues(new Uint8Array(1));",
    "const f = setTimeout;",
    "setInterval(f, 1); ",
    "globalThis.f(setImmediate);",
    "const t = Date.now();",
    "const t = performance.now();",
    "const r = Math.random();",
    "const s = AbortSignal.timeout(1);",
    "Deno.readTextFileSync(x);",
  ];
  assert.deepEqual(uses.filter((source) => machineUses(source).length === 0), []);
  const given = [
    "// setTimeout, Date.now(), crypto.randomUUID()",
    'import { createCipheriv, hash } from "node:crypto";',
    "timers.after(1, f); clock.now(); random.bytes(8); queueMicrotask(f); await f();",
  ];
  assert.deepEqual(given.flatMap(machineUses), []);
});

Deno.test("only cli/terminal.ts prints", () => {
  holds(sources.filter((file) => file !== "cli/terminal.ts"), prints);
});

Deno.test("each way to print is found", () => {
  const printing = [
    "console.log(1);",
    'console["error"](1); console.error(1);',
    "process.stdout.write(x);",
    "const e = process.stderr;",
    "Deno.stdout.writeSync(x);",
    "Deno.stderr.writeSync(x);",
  ];
  assert.deepEqual(printing.filter((source) => prints(source).length === 0), []);
  assert.deepEqual(
    prints("// console.log(1)\nconst s = 'console.log'; process.stdin.pause();"),
    [],
  );
});

/** Whether the test that is named for a file is there and reaches it. */
function isTestedBy(file: string, test: string | undefined): boolean {
  if (test === undefined || !exists(test)) return false;
  // A test that starts the program reaches all that the program does.
  const roots = test.startsWith("tests/e2e/") ? [test, "main.ts"] : [test];
  return roots.some((root) => reachable(imports, root).has(file));
}

Deno.test("every file of lib that is more than types has a test of its name, or names another", () => {
  const untested = sources.filter((file) =>
    file.startsWith("lib/") && !isOnlyTypes(read(file)) &&
    !exists(mirrorOf(file)) &&
    !isTestedBy(file, TESTED_BY[file])
  );
  assert.deepEqual(untested, []);
  const stale = Object.keys(TESTED_BY).filter((file) => !exists(file) || exists(mirrorOf(file)));
  assert.deepEqual(stale, []);
});

Deno.test("a test that is not there, or does not reach the file, tests nothing of it", () => {
  assert(isTestedBy("lib/base/assert.ts", "tests/base/limits_test.ts"));
  assert(!isTestedBy("lib/core/broker.ts", "tests/base/limits_test.ts"));
  assert(!isTestedBy("lib/base/assert.ts", "tests/base/no_such_test.ts"));
  assert(!isTestedBy("lib/base/assert.ts", undefined));
});

Deno.test("a file is only types when nothing of it is left at run time", () => {
  assert(isOnlyTypes('import type { A } from "./a.ts";\nexport interface B { a: A }\ntype C = 1;'));
  assert(isOnlyTypes('export type { A } from "./a.ts";'));
  for (const value of ["export const a = 1;", "export function f() {}", "class A {}", "f();"]) {
    assert(!isOnlyTypes(value), value);
  }
});

Deno.test("files and functions of lib and cli stay short", () => {
  holds(sources, (text) => {
    const lines = text.split("\n").length - 1;
    return lines > MAX_FILE_LINES ? [`${lines} lines, at most ${MAX_FILE_LINES}`] : [];
  });
  holds(sources, (text) => longFunctions(text));
});

Deno.test("a long function is found, whatever its form", () => {
  const body = "{\n".concat("f();\n".repeat(9), "}");
  for (const head of ["function a()", "const a = () =>", "const a = function ()"]) {
    assert.equal(longFunctions(`${head} ${body}`, 10).length, 1, head);
    assert.equal(longFunctions(`${head} ${body}`, 11).length, 0, head);
  }
  assert.equal(longFunctions(`class A { m() ${body} }`, 10).length, 1);
});

Deno.test("file names are snake case, and each file begins by saying what it is", () => {
  assert.deepEqual(typescript.filter((file) => !isSnakeCase(file.split("/").at(-1) ?? "")), []);
  const documented = sources.concat(
    files.filter((file) => /^(?:tasks\/.*|bench\/.*|main)\.ts$/.test(file)),
  );
  holds(documented, (text) => {
    return hasModuleComment(text) ? [] : ["does not begin with a comment that has @module"];
  });
});

Deno.test("names and beginnings that break the rule are found", () => {
  for (const name of ["lineFramer.ts", "Line.ts", "line-framer.ts", "_a.ts", "a__b.ts", "a.tsx"]) {
    assert(!isSnakeCase(name), name);
  }
  assert(isSnakeCase("line_framer.ts") && isSnakeCase("x509_test.ts"));
  assert(!hasModuleComment("const a = 1;\n") && !hasModuleComment("/**\n * What.\n */\n"));
});

Deno.test("nobody left a note to do something later", () => {
  holds(texts.filter((file) => !file.startsWith("tests/tidy") && file !== RULES), leftNotes);
  assert.equal(leftNotes("// TODO: this\n// FIXME\n/* XXX */").length, 3);
  assert.equal(leftNotes("mastodon TODOS").length, 0);
});

const RULES = "tests/support/source_rules.ts";

Deno.test("no file names a package registry, and the lock file no address at all", () => {
  holds(texts.filter((file) => !file.startsWith("tests/tidy")), registryHosts);
  assert.doesNotMatch(read("deno.lock"), /:\/\//);
  const hosts = ["https://registry.example.org/x", "npm.example.com", "a.registry.example.io"];
  assert.deepEqual(hosts.filter((host) => registryHosts(host).length === 0), []);
  assert.deepEqual(registryHosts("npm:zod@4.6.7 the registry. npm.ts"), []);
});

Deno.test("every dependency is one exact version of an npm package", () => {
  assert.deepEqual(looseImports(project.imports), []);
  const loose = [
    "npm:zod",
    "npm:zod@^4.0.0",
    "npm:zod@4",
    "jsr:@std/assert@1.0.0",
    "https://x/y.ts",
  ];
  assert.deepEqual(
    looseImports(Object.fromEntries(loose.entries().map(([n, s]) => [n, s]))),
    loose,
  );
});

Deno.test("what only the benchmark needs is imported nowhere else", () => {
  holds(typescript.filter((file) => !/^(?:bench\/|tests\/tidy)/.test(file)), (text) => {
    return text.match(/from "(?:amqplib|mqtt|@nats-io\/[\w-]+)"/g) ?? [];
  });
});

Deno.test("every dependency is in a table of the README", () => {
  assert.deepEqual(unlistedPackages(project.imports, read("README.md")), []);
  const readme = "zod is used\n| package | why |\n| `commander` | zod |\n";
  const packages = { zod: "npm:zod@1.0.0", commander: "npm:commander@1.0.0" };
  assert.deepEqual(unlistedPackages(packages, readme), ["zod"]);
});
