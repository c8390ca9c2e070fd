import type { ResolvedConfig } from '../shared/config/config.ts';
import type { NamedSource } from '../shared/config/named-source.ts';
import { backupName } from '../shared/core/backup-words.ts';
import type { BackupKey } from '../shared/core/ids.ts';
import {
  type Given,
  openConfiguredRepository,
  type RepositoryConfig,
} from '../shared/jobs/open-repository.ts';
import { chooseBackup, parseBackupWord } from '../shared/jobs/restore/choose-backup.ts';
import { placeIn } from '../shared/jobs/source/adapters.ts';
import type { Naming, SourceNames } from '../shared/jobs/source/naming.ts';
import { namingOf, sourceNames } from '../shared/jobs/source/source-names.ts';
import { type BackupSummary, listBackups } from '../shared/jobs/status/list.ts';
import { ask } from './ask.ts';
import { usage } from './command.ts';
import { bytes, time } from './format.ts';
import { type Io, write } from './io.ts';
import { type KeyFlags, refuseKeyFlags } from './key-options.ts';
import { type ConfigFlags, loadConfig, repositoryConfig } from './load-config.ts';
import { Progress } from './progress.ts';
import { type Screen, type Styled, screenStyle } from './style.ts';

type Repository = Awaited<ReturnType<typeof openConfiguredRepository>>;

/** Options of all commands that open a repository. */
export interface SessionFlags extends ConfigFlags {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

const UNPROVEN = 'No key was given, so it is not proven that Holdfast wrote these manifests and reports.';

/** What most commands work with: configuration, open repository, progress, output. */
export class CommandSession implements AsyncDisposable {
  readonly config: ResolvedConfig;
  readonly repository: Repository;
  readonly progress: Progress;
  readonly io: Io;
  readonly isJson: boolean;
  readonly #isQuiet: boolean;
  #naming: Naming | undefined;
  #atEnd: (() => Promise<void>) | undefined;

  private constructor(io: Io, config: ResolvedConfig, repository: Repository, flags: SessionFlags) {
    this.io = io;
    this.config = config;
    this.repository = repository;
    this.isJson = flags.json === true;
    this.#isQuiet = flags.quiet === true;
    this.progress = new Progress(io, { quiet: this.#isQuiet });
  }

  static async open(flags: SessionFlags, io: Io, given: Pick<Given, 'meter'> = {}): Promise<CommandSession> {
    const config = await loadConfig(flags, io);
    return CommandSession.of(config, await repositoryConfig(config, io), { flags, io, ...given });
  }

  /** With other repository settings than the configured ones. */
  static async of(
    config: ResolvedConfig,
    settings: RepositoryConfig,
    about: { readonly flags: SessionFlags; readonly io: Io } & Pick<Given, 'openKeys' | 'meter'>,
  ): Promise<CommandSession> {
    const { flags, io, openKeys, meter } = about;
    const given = { pool: io.threads, openKeys, meter };
    const repository = await openConfiguredRepository(settings, io.signal, given);
    return new CommandSession(io, config, repository, flags);
  }

  /** Where the text goes. */
  get screen(): Screen {
    return screenStyle(this.io.stdout, this.io.env);
  }

  /** Reports what was done: the JSON document, or the text, unless all went well and output is quiet. */
  async report(document: object, text: string | Styled, status = 0): Promise<void> {
    if (this.isJson || !this.#isQuiet || status !== 0) await this.print(document, text);
    else this.progress.clear();
  }

  /** Prints the result: the JSON document or the text. */
  async print(document: object, text: string | Styled): Promise<void> {
    this.progress.clear();
    await write(this.io.stdout, this.isJson ? `${JSON.stringify(document)}\n` : text);
  }

  /** Says it if nothing could be proven. */
  sayIfUnproven(): void {
    const { keys, signatures } = this.repository.context;
    if (!keys.hasRootKey && !signatures.isRequired) this.progress.say(UNPROVEN);
  }

  /**
   * The backup that KEY means; on a terminal, offers a choice if it is missing.
   *
   * @param of the command's `--source` and `--type`
   * @param isOffered what may be chosen @default all except damaged ones
   */
  async backup(
    text: string | undefined,
    of: KeyFlags = {},
    isOffered: (backup: BackupSummary) => boolean = ({ state }) => state !== 'damaged',
  ): Promise<BackupKey> {
    if (text !== undefined) {
      const { source, type } = of;
      const sources = parseBackupWord(text) && (await this.sourceNames());
      const choice = { source, type, ...(sources && { sources }), signal: this.io.signal };
      return chooseBackup(this.repository, text, choice);
    }
    refuseKeyFlags(of);
    const backups = await listBackups(this.repository, { naming: this.naming, signal: this.io.signal });
    const options = backups.filter(isOffered).map(({ key, startedAt, plainBytes, source }) => ({
      value: key,
      label: backupName(key),
      hint: `${time(startedAt)}, ${bytes(plainBytes)}, ${source.name}`,
    }));
    const chosen = await ask.select(this.io, 'Which backup?', options);
    if (chosen !== undefined) return chosen;
    throw usage(
      'KEY is missing',
      'Give (part of) a name, `latest`, or `latest:SOURCE`; `holdfast list` shows them.',
    );
  }

  /** Gives the sources of backups their configured names. */
  readonly naming: Naming = (stored) => {
    this.#naming ??= namingOf(this.sources, this.io.env);
    return this.#naming(stored);
  };

  /** The names that backups may have for each configured source. */
  sourceNames(): Promise<SourceNames> {
    return sourceNames(this.sources, this.io.env);
  }

  /** The configured ones, with absolute paths. */
  get sources(): readonly NamedSource[] {
    return this.config.sources.map((source) => placeIn(source, this.io.cwd, this.io.env));
  }

  /** Work to do before the repository is closed, however the command ends. It must not throw. */
  atEnd(work: () => Promise<void>): void {
    this.#atEnd = work;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.progress.clear();
    await this.#atEnd?.();
    await this.repository[Symbol.asyncDispose]();
  }
}
