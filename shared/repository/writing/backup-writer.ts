import type { FormatVersion } from '../../core/format-version.ts';
import type { Manifest } from '../../format/manifest.ts';
import type { RepositoryContext } from '../context.ts';
import type { MadeKey } from '../keys/key-ring.ts';
import type { BackupHeader, BackupWriterOptions, CommitOptions } from './backup-to-write.ts';
import { commitShares } from './commit-shares.ts';
import type { CommittedBackup } from './committed-backup.ts';
import { formatToWrite } from './format-to-write.ts';
import { type RereadArc, rereadArc } from './reread.ts';
import { ShareWriter } from './share-writer.ts';

/**
 * A backup that one process writes: one share, kept in memory. Nothing is listed before `commit` puts the
 * manifest, last and only when everything that the manifest names is stored.
 */
export class BackupWriter implements AsyncDisposable {
  readonly #context: RepositoryContext;
  readonly #share: ShareWriter;
  readonly #header: BackupHeader;
  readonly #comparedWith: Manifest | undefined;
  readonly #manifestKey: MadeKey;
  readonly #signal: AbortSignal;
  readonly #onWarning: (message: string) => void;
  readonly #listing: Pick<BackupWriterOptions, 'sequence' | 'onListed'>;

  private constructor(
    context: RepositoryContext,
    options: BackupWriterOptions,
    begun: {
      readonly share: ShareWriter;
      readonly manifestKey: MadeKey;
      readonly startedAt: Date;
      readonly reread: RereadArc | undefined;
      readonly version: FormatVersion;
    },
  ) {
    const { type, note, source, software, imported, onWarning, signal } = options;
    const parent = options.isOlder ? undefined : options.parent?.manifest;
    this.#context = context;
    this.#share = begun.share;
    this.#manifestKey = begun.manifestKey;
    const { startedAt, version, reread } = begun;
    const follows = { parent, reread: parent && reread };
    this.#header = { version, type, note, source, software, imported, startedAt, ...follows };
    this.#comparedWith = options.parent?.manifest;
    this.#signal = signal;
    this.#onWarning = onWarning;
    const { sequence, onListed } = options;
    this.#listing = { sequence, onListed };
  }

  /** @throws E_NO_KEY, E_WRONG_KEY, E_STORE_* */
  static async begin(context: RepositoryContext, options: BackupWriterOptions): Promise<BackupWriter> {
    const { copyOf, parent, signal } = options;
    context.signatures.refuseUnsigned();
    const version = await formatToWrite(context, [parent?.manifest, copyOf], signal);
    const startedAt = copyOf ? new Date(copyOf.startedAt) : context.clock.now();
    const reread = rereadArc(parent?.manifest, { startedAt, ...context.limits });
    const share = await ShareWriter.begin(context, { ...options, version, reread });
    const manifestKey = await context.keys.make(share.packs.run, 'manifest', signal);
    return new BackupWriter(context, options, { share, manifestKey, startedAt, version, reread });
  }

  get share(): ShareWriter {
    return this.#share;
  }

  /**
   * Stores what is left, then the manifest. @throws E_RUN_TOO_LONG, E_STORE_*, E_ABORTED; then nothing is
   * listed
   */
  async commit(options: CommitOptions): Promise<CommittedBackup> {
    const { sinceOpened } = this.#context;
    return commitShares(this.#context, this.#share.packs, [await this.#share.finish()], {
      ...options,
      header: this.#header,
      comparedWith: this.#comparedWith,
      manifestKey: this.#manifestKey,
      ...this.#listing,
      elapsedMs: async () => sinceOpened.elapsedMs(),
      onWarning: this.#onWarning,
      signal: this.#signal,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#share[Symbol.asyncDispose]();
  }
}
