import type { SourceConfig } from '../shared/jobs/source/adapters.ts';

/** A database of the quickstart: sample data, a change to it, and room to restore it. */
export interface Demo {
  /** Where it runs, for people. */
  readonly place: string;
  /** What `load` and `change` do, for people. */
  readonly loads: string;
  readonly changes: string;
  /** What people should know of it at the end. */
  readonly note?: string;
  load(): Promise<Step<SourceConfig>>;
  change(): Promise<Step<undefined>>;
  /** An empty database of the same kind. */
  target(): Promise<SourceConfig>;
  stop(): Promise<void>;
}

/** A step of the demonstration, and what it says. */
export interface Step<T> {
  readonly value: T;
  readonly result: string;
}
