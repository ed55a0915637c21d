/**
 * The workloads of the echo servers. A connection sends its next message when the last one has come
 * back, except on streams, which keep two messages under way so that the connection is never idle.
 *
 * @module
 */

/** The arguments of load.c. */
export interface Workload {
  readonly name: string;
  readonly kind: "messages" | "churn";
  readonly connections: number;
  /** More connections, which are open and idle. */
  readonly idle: number;
  /** Bytes of a message. */
  readonly size: number;
  /** Messages under way on each connection. */
  readonly window: number;
  /** Microseconds to pause before each message. */
  readonly pause: number;
}

const MESSAGES = { kind: "messages", idle: 0, size: 64, window: 1, pause: 0 } as const;

/** All workloads. Messages have 64 bytes unless the name says otherwise. */
export const WORKLOADS: readonly Workload[] = [
  { ...MESSAGES, name: "1 connection", connections: 1 },
  { ...MESSAGES, name: "1, after 1 ms idle", connections: 1, pause: 1000 },
  { ...MESSAGES, name: "10 connections", connections: 10 },
  { ...MESSAGES, name: "10 and 8,000 idle", connections: 10, idle: 8000 },
  { ...MESSAGES, name: "100 connections", connections: 100 },
  { ...MESSAGES, name: "1,000 connections", connections: 1000 },
  { ...MESSAGES, name: "8,000 connections", connections: 8000 },
  { ...MESSAGES, name: "16 kB, 100 connections", connections: 100, size: 16384 },
  { ...MESSAGES, name: "1 MB, 10 streams", connections: 10, size: 2 ** 20, window: 2 },
  { ...MESSAGES, name: "a connection a message", kind: "churn", connections: 100 },
];

/** The workloads of `--quick`. */
export const QUICK: readonly string[] = ["100 connections"];
