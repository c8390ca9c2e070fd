import type { ResolvedConfig } from '../shared/core/config.ts';
import type { BackupKey } from '../shared/core/ids.ts';
import { listBackups, resolveBackupKey } from '../shared/jobs/list.ts';
import { openRepository } from '../shared/jobs/open-repository.ts';
import { ask } from './ask.ts';
import { usage } from './command.ts';
import { bytes, shortKey, time } from './format.ts';
import { type Io, write } from './io.ts';
import { type ConfigFlags, loadConfig, repositoryConfig } from './load-config.ts';
import { Progress } from './progress.ts';

type Repository = Awaited<ReturnType<typeof openRepository>>;

export interface SessionFlags extends ConfigFlags {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

/** What most commands work with: configuration, open repository, progress, output. */
export class Session implements AsyncDisposable {
  readonly config: ResolvedConfig;
  readonly repository: Repository;
  readonly progress: Progress;
  readonly io: Io;
  readonly isJson: boolean;

  private constructor(io: Io, config: ResolvedConfig, repository: Repository, flags: SessionFlags) {
    this.io = io;
    this.config = config;
    this.repository = repository;
    this.isJson = flags.json === true;
    this.progress = new Progress(io, { quiet: flags.quiet === true });
  }

  static async open(flags: SessionFlags, io: Io): Promise<Session> {
    const config = await loadConfig(flags, io);
    const repository = await openRepository(await repositoryConfig(config, io), io.signal, {
      pool: io.threads,
    });
    return new Session(io, config, repository, flags);
  }

  /** Prints the JSON document or the text, whichever was asked for. */
  async print(document: object, text: string): Promise<void> {
    this.progress.clear();
    await write(this.io.stdout, this.isJson ? `${JSON.stringify(document)}\n` : text);
  }

  /** The backup that KEY means; on a terminal, offers a choice where it is missing. */
  async backup(text: string | undefined): Promise<BackupKey> {
    if (text !== undefined) return resolveBackupKey(this.repository, text, this.io.signal);
    const backups = await listBackups(this.repository, { signal: this.io.signal });
    const options = backups
      .filter(({ state }) => state !== 'damaged')
      .map(({ key, startedAt, plainBytes, source }) => ({
        value: key,
        label: shortKey(key),
        hint: `${time(startedAt)}, ${bytes(plainBytes)}, ${source.name}`,
      }));
    const chosen = await ask.select(this.io, 'Which backup?', options);
    if (chosen !== undefined) return chosen;
    throw usage(
      'KEY is missing',
      'Give (part of) a key, `latest`, or `latest:daily`; `holdfast list` shows them.',
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.progress.clear();
    await this.repository[Symbol.asyncDispose]();
  }
}
