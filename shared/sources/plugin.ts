import type * as z from 'zod';
import type {
  ChangeDecoder,
  ChangePosition,
  ChangeReplay,
  ChangeSetup,
  ChangeSource,
  ReplayOptions,
} from './changes.ts';
import type { Importer } from './import.ts';
import type { QueryReader } from './query.ts';
import type { RowStatementsOf } from './row-statements.ts';
import type { RowTarget } from './row-target.ts';
import type { RowReader } from './rows.ts';
import type { ScratchServer } from './scratch.ts';
import type { KindSettings } from './settings.ts';
import type { Source } from './source.ts';
import type { CheckUse, SourceChecks } from './source-checks.ts';
import type { FactsReader } from './table-facts.ts';
import type { Exporter, ExportFormat, Target } from './target.ts';

/** Variables by name; secrets may be among them. */
export type Env = Readonly<Record<string, string | undefined>>;
/** What an option can be. */
export type OptionValue = string | number | boolean;

/** Where a database is: a configured one, or a URL on the command line. */
export interface SourceConfig {
  readonly kind: string;
  /** Connection string or path. May hold a secret: never printed. */
  readonly url: string;
  /** Settings of its kind, checked when it is opened. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** Of a kind that is not in the registry. @default the one that the registry has for `kind` */
  readonly plugin?: SourcePlugin | undefined;
}

/** What a secret of AWS holds, beside what the configuration says of the same place. */
export interface SecretText {
  readonly text: string;
  /** URL of the configuration; empty if all of it is in the secret. */
  readonly url: string;
  readonly host?: string | undefined;
  readonly port?: number | string | undefined;
  readonly database?: string | undefined;
  /** An error that names the secret, not its value. */
  bad(problem: string): Error;
}

/** What a secret says of a place. */
export interface OpenedSecret {
  readonly url: string;
  readonly env?: Env;
}

/** A form in which a backup can be taken away; the first of a kind is its default. */
export interface ExportChoice {
  readonly format: ExportFormat;
  /** In a list to choose from: `SQL (psql opens it)`. */
  readonly label: string;
  /** It takes one dataset at a time. */
  readonly needsDataset?: boolean;
}

/** A file that can be imported as a backup. */
export interface ImportChoice {
  readonly format: string;
  /** As a sentence has it: `an export of Firebase`. */
  readonly label: string;
}

/** An option of restores that only some kinds of target know. */
export interface RestoreOption<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema;
  /** On the command line: `to-path`. */
  readonly flag: string;
  readonly short?: string;
  /** What the value is called in help: `PATH`; a flag without has no value. */
  readonly argument?: string;
  /** One line, without a full stop. */
  readonly help: string;
  /** Makes a value of what was typed; undefined if it is not allowed. @default the text itself */
  readonly parse?: (text: string) => OptionValue | undefined;
  /** What `parse` allows, for messages. */
  readonly wanted?: string;
  /** Exports take it too. @default false */
  readonly isForExports?: boolean;
  /** For the form of the console; without, neither console nor API offers it. */
  readonly label?: string;
  /** It restores secrets of people that no mask covers. @default false */
  readonly isRefusedWhenMasked?: boolean;
}

/** By name. */
export type RestoreOptionsByName = Readonly<Record<string, RestoreOption>>;

/** Backups that are made from files, without the database. */
export interface ImportPlugin {
  readonly formats: readonly ImportChoice[];
  /** What such files are, for help: a sentence or two. */
  readonly help: string;
  /** The place as it is opened only to name it: nothing is asked of the database. @throws E_USAGE for one that no file is of */
  placeOf(place: SourceConfig): SourceConfig;
  load(): Promise<Importer>;
}

/**
 * What a kind of database whose servers hand out their changes has beside the rest of its plugin. Each `open…` loads one file of the
 * folder `changes` of the plugin's: `stream`, `setup`, `replay` or `decoder`.
 */
export interface ChangePlugin {
  /** Negative if `a` comes before `b`, 0 if they are one place. Pure: asks no server. */
  compare(a: ChangePosition, b: ChangePosition): number;
  /** @throws E_CONFIG, E_SOURCE_*, as the next two */
  openChanges(config: SourceConfig, env: Env): Promise<ChangeSource>;
  openSetup(config: SourceConfig, env: Env): Promise<ChangeSetup>;
  /** @param config the target */
  openReplay(config: SourceConfig, env: Env, options: ReplayOptions): Promise<ChangeReplay>;
  /**
   * Its decoder says whole rows, and which transactions a base has, so that each base can be compared with the stream. False if that
   * depends on the server's settings: proofs are missed only where there was one before.
   */
  readonly isProvable: boolean;
  /** Bytes of small rows that a replay applies in a millisecond, as `npm run bench -- changes` measured it on two cores. */
  readonly replayBytesPerMs: number;
  decoder?(): Promise<ChangeDecoder>;
}

/**
 * A kind of database: all that the rest of the product knows of it. The command line, the configuration, the API, the console,
 * the functions and their bundles follow from it.
 *
 * What stands in a plugin is light: no driver and no file of its own loads before it is used, so each `open…` imports what
 * it needs. Each loads one file of the plugin's folder, called as this says: `source`, `target`, `scratch`, `checks`, `export`,
 * `import`, `rows`, `query`, `row-statements`, `row-target` or `facts`; the bundles of functions leave out those that the function has
 * no use for.
 */
export interface SourcePlugin<
  Kind extends string = string,
  Shape extends z.ZodRawShape = z.ZodRawShape,
  DrillShape extends z.ZodRawShape = z.ZodRawShape,
  Options extends RestoreOptionsByName = RestoreOptionsByName,
> {
  /** As configuration and manifests have it. Never changes: `postgres`. */
  readonly kind: Kind;
  /** As its maker writes it: `PostgreSQL`. */
  readonly displayName: string;
  /** What names one, for help: `postgres://…`. */
  readonly urlExample: string;
  /** Whether a URL or path is that of a database of this kind. The registry asks in its order. */
  isUrl(url: string): boolean;
  /** The same with its relative paths made whole, of a kind that lies on a disk. */
  resolveUrl?(url: string, folder: string): string;
  /** It lies on the disk of this machine, which functions lack. @default false */
  readonly isOnDisk?: boolean;

  /** What the configuration says of a source or target. */
  readonly settings: KindSettings<Shape>;
  /** The same for where drills make their scratch targets. @default settings */
  readonly drillSettings?: KindSettings<DrillShape>;
  /** What to do if no such place is configured: a sentence. */
  readonly drillHint: string;
  /** Environment variable that names the source, whatever the configuration says. */
  readonly sourceVariable?: string;
  /** Environment variable that names the source if none is configured; programs have it for other databases too. */
  readonly fallbackVariable?: { readonly name: string; isMeant(url: string): boolean };
  /** The environment with what lies in a folder, such as the file of a key. */
  environmentIn?(env: Env, folder: string): Env;
  /** `holdfast deploy init` takes its URL by that option: its URL is no secret. */
  readonly deployFlag?: { readonly name: string; readonly help: string; readonly example: string };

  /** URL and environment from a secret of AWS. @default the secret is the URL */
  fromSecret?(secret: SecretText): OpenedSecret;
  /** With a secret, nobody can open it who may not read that: no URL stands beside it. @default false */
  readonly isUrlInSecret?: boolean;
  /** Its sources have `sharing`: the holder of a snapshot reports to Step Functions. @default false */
  readonly sharesSnapshots?: boolean;
  /** What a deployment's doctor looks at it for. @default ['backup'] */
  readonly examinedFor?: readonly CheckUse[];
  /** Its targets take backups of every kind. @default false */
  readonly takesEveryKind?: boolean;

  /** Forms of exports; without, `exporter` is missing too. */
  readonly exports?: readonly ExportChoice[];
  readonly imports?: ImportPlugin;
  /** Options of its targets, by name. */
  readonly restoreOptions?: Options;
  /** @throws E_SOURCE_UNSUPPORTED for datasets that no database of this kind can hold */
  checkNames?(names: readonly string[]): void;

  /** @throws E_CONFIG listing every problem with its settings, like the next three */
  openSource(config: SourceConfig, env: Env): Promise<Source>;
  openTarget(config: SourceConfig, env: Env): Promise<Target>;
  /** Where single rows are put back. @default they cannot be */
  openRowTarget?(config: SourceConfig, env: Env): Promise<RowTarget>;
  /** Where drills make their scratch targets. */
  openScratch(config: SourceConfig, env: Env): Promise<ScratchServer>;
  /** What can be looked at before a first backup. */
  openChecks(config: SourceConfig, env: Env): Promise<SourceChecks>;
  exporter?(): Promise<Exporter>;
  /** How its datasets are read as rows. @default a record is a row of one column */
  rowReader?(): Promise<RowReader>;
  /** How they are queried by SQL, with values of their types. @default a record is a row of one column of text */
  queryReader?(): Promise<QueryReader>;
  /** Of servers that hand out their changes, so that a restore can be of any moment. @default only backups can be restored */
  readonly changes?: ChangePlugin;
  /** How changes of rows are written as SQL. @default they cannot be */
  rowStatements?(): Promise<RowStatementsOf>;
  /** What must hold of its rows. @default they cannot be masked */
  factsReader?(): Promise<FactsReader>;
}

/** Gives a plugin its type: `export const notesPlugin = definePlugin({ … })`. */
export function definePlugin<
  const Kind extends string,
  Shape extends z.ZodRawShape,
  DrillShape extends z.ZodRawShape = Shape,
  const Options extends RestoreOptionsByName = Readonly<Record<never, RestoreOption>>,
>(plugin: SourcePlugin<Kind, Shape, DrillShape, Options>): SourcePlugin<Kind, Shape, DrillShape, Options> {
  return plugin;
}
