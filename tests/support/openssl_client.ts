/**
 * OpenSSL's own TLS client, which does what Deno's does not: it resumes sessions.
 *
 * @module
 */

/** Whether this machine has OpenSSL's program. */
export const hasOpenssl = await new Deno.Command("openssl", { args: ["version"] }).output()
  .then((output) => output.success, () => false);

/** A temporary folder in which OpenSSL's client finds its files. */
export class OpensslFolder implements AsyncDisposable {
  /** The folder. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes it. */
  static async make(): Promise<OpensslFolder> {
    return new OpensslFolder(await Deno.makeTempDir());
  }

  /** Writes files with these names. */
  async write(files: Record<string, string>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${this.path}/${name}`, text);
    }
  }

  /** Says hello to the port with OpenSSL's client until the other side closes; gives its output. */
  async openssl(port: number, args: readonly string[]): Promise<string> {
    const client = new Deno.Command("openssl", {
      args: ["s_client", "-connect", `127.0.0.1:${port}`, "-CAfile", "ca.crt"]
        .concat("-cert", "a.crt", "-key", "a.key", ...args),
      cwd: this.path,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = client.stdin.getWriter();
    await writer.write(new TextEncoder().encode("hello\n")).catch(() => {});
    const { stdout, stderr } = await client.output();
    await writer.close().catch(() => {});
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  }

  /** Removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
