import { createHash } from 'node:crypto';
import { releaseMemory } from '../../core/buffer-memory.ts';
import { about, HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { EXPIRED, parseExpiredKey } from '../../format/expired.ts';
import { isKeysFileKey, KEYS_PREFIX } from '../../format/keys-file.ts';
import { packIdOf } from '../../format/pack.ts';
import { isRecoveryWrapName, parseRecoveryKeyName, RECOVERY_WRAPS } from '../../format/recovery-file.ts';
import { isReportKey, REPORT_KINDS } from '../../format/report.ts';
import { isBodyKind, parseBody } from '../../format/report-bodies.ts';
import { RUNS } from '../../format/run-document.ts';
import { readUpgradeFile, UPGRADE_FILE } from '../../format/upgrade-file.ts';
import { proveRunDocument } from '../../repository/documents/run-documents.ts';
import { proveRecoveryKey } from '../../repository/keys/recovery-keys.ts';
import { readWrap } from '../../repository/keys/recovery-wraps.ts';
import { proveKeysFile } from '../../repository/keys/root-keys.ts';
import { proveSignedBefore, signedBeforeOf } from '../../repository/keys/signed-before.ts';
import { spoiltPackOf } from '../../repository/packs/spoilt-packs.ts';
import { isDamage } from '../../repository/reading/damage.ts';
import type { Repository } from '../../repository/repository.ts';
import { isRunProbe } from '../../repository/store-probe.ts';
import type { VerifyFinding } from './verify-findings.ts';

/** Small objects, and packs, read at once. */
const READS = 8;
const PACKS_AT_ONCE = 2;

/** Which objects are looked at. */
export interface ObjectVerificationOptions {
  /** Whether the object is checked in this run. A pack goes by its id, others by the hash of their path. */
  readonly isInScope: (hex: string) => boolean;
  /** Packs, by id, that were checked for some backup. */
  readonly isKnownPack: (id: string) => boolean;
  readonly signal: AbortSignal;
}

/**
 * Every object that is neither a manifest nor a pack of a verified backup: root keys, reports, unlisted
 * manifests, documents of runs, marks, and packs that nothing names. Objects with other names are not
 * Holdfast's.
 */
export class ObjectVerification {
  readonly findings: VerifyFinding[] = [];
  objects = 0;
  readonly #repository: Repository;
  readonly #options: ObjectVerificationOptions;

  constructor(repository: Repository, options: ObjectVerificationOptions) {
    this.#repository = repository;
    this.#options = options;
  }

  /** @throws E_STORE_*, E_ABORTED */
  async run(): Promise<void> {
    await this.#all(
      [UPGRADE_FILE, KEYS_PREFIX, RECOVERY_WRAPS, 'reports/', EXPIRED, RUNS, 'backups/_spoilt/'],
      READS,
    );
    await this.#all(['data/'], PACKS_AT_ONCE);
  }

  async #all(prefixes: readonly string[], most: number): Promise<void> {
    for await (const _ of orderedMap(this.#found(prefixes), most, ({ key, check }) =>
      this.#guard(key, check),
    ))
      this.objects++;
  }

  async *#found(prefixes: readonly string[]) {
    const { isInScope, signal } = this.#options;
    for (const prefix of prefixes) {
      for await (const { key, modifiedAt } of this.#repository.store.list(prefix, { signal })) {
        const check = this.#checkOf(key, modifiedAt);
        if (check && isInScope(packIdOf(key) ?? sha256(Buffer.from(key)))) yield { key, check };
      }
    }
  }

  /** Damage becomes a finding; an object removed since it was listed does not. */
  async #guard(object: string, check: () => Promise<void>): Promise<void> {
    try {
      await about(object, check);
    } catch (error) {
      if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return;
      if (!isDamage(error)) throw error;
      const { code, message: problem } = error;
      this.findings.push({ object, code, problem, backups: [], sharedBy: [], datasets: [] });
    }
  }

  /** How to check an object of that name; undefined if it is not Holdfast's, or was checked before. */
  #checkOf(key: string, storedAt: Date): (() => Promise<void>) | undefined {
    const { context } = this.#repository;
    const { signal } = this.#options;
    const read = () => this.#repository.store.get(key, { signal });
    const pack = packIdOf(key);
    const listed = signedBeforeOf(key);
    if (listed !== undefined) return async () => proveSignedBefore(await read(), key, listed);
    if (pack !== undefined)
      return this.#options.isKnownPack(pack) ? undefined : () => this.#checkPack(key, pack);
    if (key === UPGRADE_FILE)
      return async () => void readUpgradeFile(await read(), context.file.id, await context.secret(signal));
    if (isKeysFileKey(key)) return async () => proveKeysFile(context, key, await read(), signal);
    if (parseRecoveryKeyName(key)) return async () => proveRecoveryKey(context, key, await read(), signal);
    if (isRecoveryWrapName(key)) return async () => void (await readWrap(context, key, signal));
    const isKnownKind = REPORT_KINDS.some((kind) => key.startsWith(`reports/${kind}/`));
    if (isReportKey(key)) return isKnownKind ? () => this.#checkReport(key, storedAt) : undefined;
    if (isRunProbe(key)) return undefined;
    if (key.startsWith(RUNS)) return async () => proveRunDocument(context, key, await read(), signal);
    // The content of a mark does not matter: its existence says everything.
    if (spoiltPackOf(key)) return async () => void (await read());
    const manifest = parseExpiredKey(key);
    if (!manifest) return undefined;
    return async () => {
      const { problem } = await this.#repository.inspect(manifest, read, signal);
      if (problem) throw problem;
    };
  }

  async #checkReport(key: string, storedAt: Date): Promise<void> {
    const { reports } = this.#repository;
    const { report, problem } = await reports.open(key, storedAt, this.#options.signal);
    if (problem) throw problem;
    if (!report) return;
    if (isBodyKind(report.kind)) parseBody(report.kind, report);
    await reports.details(report, this.#options.signal);
  }

  async #checkPack(key: string, id: string): Promise<void> {
    const body = await this.#repository.store.get(key, { signal: this.#options.signal });
    const isWhole = sha256(body) === id;
    releaseMemory(body);
    if (!isWhole) throw new HoldfastError('E_DAMAGED', `${key} was changed: its SHA-256 is not its name`);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
