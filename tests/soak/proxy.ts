/**
 * A way to the broker that can be cut, for clients whose connections nobody else can reach.
 *
 * @module
 */

/** Hands TCP connections on to a port of this machine. */
export class CuttableProxy implements AsyncDisposable {
  /** Connections that were cut. */
  cuts = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: number;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #serving: Promise<void>;

  /** Listens at once, and hands on to `target`. */
  constructor(target: number) {
    this.#target = target;
    this.#serving = this.#serve();
  }

  /** Where it listens. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Ends every connection, wherever its bytes are. */
  cut(): void {
    this.cuts += this.#open.size / 2;
    for (const connection of this.#open) this.#end(connection);
  }

  /** Ends every connection and listens no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
    this.cut();
  }

  async #serve(): Promise<void> {
    try {
      for await (const near of this.#listener) void this.#join(near);
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #join(near: Deno.TcpConn): Promise<void> {
    let far: Deno.TcpConn;
    try {
      far = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
    } catch {
      near.close();
      return;
    }
    this.#open.add(near).add(far);
    await Promise.allSettled([
      near.readable.pipeTo(far.writable),
      far.readable.pipeTo(near.writable),
    ]);
    this.#end(near);
    this.#end(far);
  }

  #end(connection: Deno.TcpConn): void {
    if (!this.#open.delete(connection)) return;
    try {
      connection.close();
    } catch {
      // Its streams have closed it.
    }
  }
}
