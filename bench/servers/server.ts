/**
 * A broker that the benchmark can start, measure and stop.
 *
 * @module
 */
import type { Workspace } from "../../tests/support/workspace.ts";
import type { ClientName } from "../load/task.ts";

/** One broker at work. */
export interface RunningServer {
  /** Its process; what that has started counts as it. */
  readonly pid: number;
  /** Where it listens on this machine. */
  readonly port: number;
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>;
}

/** One broker with its settings. */
export interface Server {
  /** What the tables call it. */
  readonly name: string;
  /** The client library that goes with it. */
  readonly client: ClientName;
  /** The MQTT quality of service; only Mosquitto has one. */
  readonly qos?: 1 | 2;
  /** What it does not do that CipherMQ does in the same run. */
  readonly lacks: string;
  /** Why it cannot be run on this machine; nothing if it can. */
  missing(): string | undefined;
  /** Starts it with the certificates of a workspace and files of its own in there. */
  start(workspace: Workspace): Promise<RunningServer>;
}
