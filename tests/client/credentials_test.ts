/**
 * What is wrong with a client's files is said before anything is sent.
 *
 * @module
 */
import assert from "node:assert/strict";
import { CipherMqError } from "../../lib/base/errors.ts";
import { readCredentials } from "../../lib/client/credentials.ts";
import { makeCertificate, makeTestAuthority } from "../support/certificates.ts";

Deno.test("files that cannot be used are refused with the file and the reason", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const authority = await makeTestAuthority();
    const write = (name: string, text: string) => {
      Deno.writeTextFileSync(`${folder}/${name}`, text, { mode: 0o600 });
      return `${folder}/${name}`;
    };
    const { cert, key } = await makeCertificate(authority);
    const notAfter = new Date(Date.now() - 1000);
    const old = await makeCertificate(authority, { notAfter });
    const good = {
      certPath: write("a.crt", cert),
      keyPath: write("a.key", key),
      caPath: write("ca.crt", authority.certificatePem),
    };
    const oldFiles = { certPath: write("old.crt", old.cert), keyPath: write("old.key", old.key) };
    assert.equal(readCredentials(good, Date.now()).certificate, cert);
    const garbage = write("garbage", "garbage");
    for (
      const [change, why] of [
        [{ certPath: `${folder}/none` }, /client's certificate .*none: there is no such file/],
        [{ certPath: garbage }, /garbage: it is not a certificate in PEM form/],
        [{ caPath: garbage }, /garbage: it is not a certificate in PEM form/],
        [{ keyPath: garbage }, /garbage: it is not an unencrypted private key in PEM form/],
        [{ keyPath: oldFiles.keyPath }, /old\.key: it is not the key of .*a\.crt/],
        [oldFiles, /old\.crt: it expired on/],
      ] as const
    ) {
      assert.throws(() => readCredentials({ ...good, ...change }, Date.now()), (error) => {
        return error instanceof CipherMqError && error.code === "configuration" &&
          why.test(error.message);
      }, String(why));
    }
    if (Deno.build.os === "windows") return;
    Deno.chmodSync(good.keyPath, 0o644);
    assert.throws(() => readCredentials(good, Date.now()), /read by others/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
