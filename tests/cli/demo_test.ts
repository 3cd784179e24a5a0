/**
 * The demo: its account, and what it leaves when it is interrupted.
 *
 * @module
 */
import assert from "node:assert/strict";

Deno.test("an interrupted demo ends its processes and leaves no folder with keys", async () => {
  const folder = await Deno.makeTempDir();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-all", "main.ts", "demo"],
    cwd: new URL("../../", import.meta.url),
    env: { TMPDIR: folder },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let said = "";
  for await (const chunk of child.stderr) {
    const before = said;
    said += new TextDecoder().decode(chunk);
    const started = (text: string) => text.includes("started the broker");
    if (started(said) && !started(before)) child.kill("SIGINT");
  }
  // The stream has ended: no process that inherited it is left.
  const { code } = await child.status;
  assert.equal(code, 7, said);
  assert.match(said, /error: the demo was interrupted\n$/);
  assert.deepEqual([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder);
});

Deno.test("the demo's account as JSON: everything arrived exactly once", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-all", "main.ts", "demo", "--json", "--quiet"],
    cwd: new URL("../../", import.meta.url),
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.deepEqual([code, err], [0, ""]);
  const good = { decrypted: 1000, twice: 0, lost: 0, in_order: true };
  const receivers = { receiver_1: good, receiver_2: good };
  assert.deepEqual(JSON.parse(out!), { sent: 2000, acknowledged: 2000, receivers });
});
