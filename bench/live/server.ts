import type { Bar } from '../report.ts';
import type { Sample } from '../samples.ts';
import type { LiveTool } from './live-tools.ts';

/** A server of our own, with databases that are backed up and restored into. */
export interface LiveServer {
  /** Product and version, such as `PostgreSQL 15`. */
  readonly title: string;
  /** Backup programs that people use for it, those that are installed. */
  readonly peers: readonly LiveTool[];
  /** What is not run, and why, as sentences. */
  readonly gaps: readonly string[];
  /** The peer whose figures the report divides by. */
  readonly by: { readonly name: string; readonly title: string };
  /** Connection string of a database. */
  url(database: string): string;
  /**
   * Makes a database with rows.
   *
   * @returns what it holds, for the report
   */
  make(database: string, options: { readonly size: number; readonly folder: string }): Promise<string>;
  /** Changes 1 % of the rows, spread evenly; others in each round. */
  change(database: string, round: number): Promise<void>;
  /** Makes a database, or empties it. */
  remake(database: string): Promise<void>;
  /** The same for databases whose tables hold the same rows, in whatever order; by the server alone. */
  fingerprint(database: string): Promise<string>;
  /** Bytes of its tables and indexes, as the server says. */
  bytes(database: string): Promise<number>;
  /** Limits on figures of the samples. */
  bars(samples: readonly Sample[]): readonly Bar[];
  stop(): Promise<void>;
}

/** Names of steps: bars look for them. */
export const STEP = {
  first: 'first backup',
  changed: '1 % changed',
  unchanged: 'unchanged',
  restore: 'restore',
  uncompared: 'restore, not compared',
} as const;
