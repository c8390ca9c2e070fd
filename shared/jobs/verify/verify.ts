import { type HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { OnProgress } from '../../core/progress.ts';
import { parseExpiredKey } from '../../format/expired.ts';
import type { Manifest, RunKey } from '../../format/manifest.ts';
import { packIdOf } from '../../format/pack.ts';
import type { Repository } from '../../repository/repository.ts';
import { headIfThere } from '../../store/if-there.ts';
import { CoverageCheck, type RecoveryCoverage } from '../keys/recovery-coverage.ts';
import { checkSequences, type SequenceOptions, type SequenceReport } from './sequence-check.ts';
import { withSharedDamage } from './shared-damage.ts';
import { verifyChanges } from './verify-changes.ts';
import type { VerifyDepth } from './verify-depth.ts';
import { Findings, type VerifyFinding } from './verify-findings.ts';
import { FullVerification } from './verify-full.ts';
import { ObjectVerification } from './verify-objects.ts';
import { QuickVerification } from './verify-quick.ts';

/** What a verification looked at, and found. */
export interface VerifyReport {
  /** Those that were fully checked, and those with findings. */
  readonly backups: readonly BackupKey[];
  readonly depth: VerifyDepth;
  /** Whether a key proved that Holdfast wrote the manifests. */
  readonly isProven: boolean;
  readonly packs: number;
  /** Objects outside backups that were checked: reports, root keys, marks … */
  readonly objects: number;
  readonly chunks: number;
  readonly records: number;
  readonly readBytes: number;
  readonly findings: readonly VerifyFinding[];
  /**
   * Which of these backups the recovery keys do not open, which is not damage. Undefined if it stopped
   * before.
   */
  readonly recovery: RecoveryCoverage | undefined;
  /** The result for the sequences of sources; undefined if they were not checked. */
  readonly sequence: SequenceReport | undefined;
  /** Packs that exist but were changed: no listing shows it, so backups must be told. */
  readonly spoiltPacks: readonly string[];
  /** Why it stopped before everything was checked; only if damage was found before that. */
  readonly interrupted: HoldfastError | undefined;
}

/** How much is verified. */
export interface VerifyOptions {
  readonly depth: VerifyDepth;
  /** Also checks all objects outside backups, unless it is quick. @default false */
  readonly others?: boolean;
  /** Checks whether the backups of each source follow one another. @default not */
  readonly sequence?: Omit<SequenceOptions, 'signal'> | undefined;
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

/**
 * Damage is a finding, not an error; an unreachable store is an error, unless damage was found before: then
 * the report says both.
 *
 * @throws E_STORE_*, E_NO_KEY, E_ABORTED, E_NO_BACKUP if the only backup does not exist
 */
export async function verifyBackups(
  repository: Repository,
  keys: readonly BackupKey[],
  options: VerifyOptions,
): Promise<VerifyReport> {
  options.onProgress?.({ kind: 'phase', phase: 'verify' });
  const report = await new Verification(repository, options).run(keys);
  const all = await withChanges(repository, await withSequences(repository, report, options), options);
  const left = await withoutPutAside(repository, all, options.signal);
  if (left.interrupted) return left;
  const about = { looked: new Set(left.backups), signal: options.signal };
  return { ...left, findings: await withSharedDamage(repository, left.findings, about) };
}

/** A missing backup, or one in another's place, is a finding too. */
async function withSequences(
  repository: Repository,
  report: VerifyReport,
  { sequence: wanted, signal }: VerifyOptions,
): Promise<VerifyReport> {
  if (!wanted || report.interrupted) return report;
  const sequence = await checkSequences(repository, { ...wanted, signal });
  const findings = sequence.breaks.map(({ object, problem }) => ({
    object,
    code: 'E_DAMAGED',
    problem: `${object} ${problem}`,
    backups: [],
    datasets: [],
    sharedBy: [],
  }));
  return { ...report, sequence, findings: [...report.findings, ...findings] };
}

/** With all other objects, and with all of their bytes, also the changes between backups. */
async function withChanges(
  repository: Repository,
  report: VerifyReport,
  { others, depth, signal }: VerifyOptions,
): Promise<VerifyReport> {
  if (!others || depth.kind !== 'full' || report.interrupted || !report.isProven) return report;
  const { segments, readBytes, findings } = await verifyChanges(repository, signal);
  return {
    ...report,
    objects: report.objects + segments,
    readBytes: report.readBytes + readBytes,
    findings: [...report.findings, ...findings],
  };
}

/** An object that somebody has looked at and put aside is no longer a finding. */
async function withoutPutAside(
  repository: Repository,
  report: VerifyReport,
  signal: AbortSignal,
): Promise<VerifyReport> {
  if (report.interrupted || !report.findings.some(({ object }) => !packIdOf(object))) return report;
  const quarantine = await repository.reports.quarantine(signal);
  const findings: VerifyFinding[] = [];
  for (const finding of report.findings) {
    const { object } = finding;
    const key = parseExpiredKey(object) ?? object;
    if ((await quarantine.reasonOf(key, signal, object)) === undefined) findings.push(finding);
  }
  return { ...report, findings };
}

interface Check {
  /** Checks one backup; problems go to the findings. */
  readonly verify: (key: BackupKey) => Promise<void>;
  readonly counts: () => Pick<VerifyReport, 'packs' | 'chunks' | 'records' | 'readBytes'>;
  /** Checks the objects outside backups. */
  readonly others?: ObjectVerification;
}

class Verification {
  readonly #repository: Repository;
  readonly #options: VerifyOptions;
  readonly #findings = new Findings();
  readonly #check: Check;
  #coverage: CoverageCheck | undefined;
  #passedBytes = 0;
  /** Number of backups still to do. */
  #left = 0;

  constructor(repository: Repository, options: VerifyOptions) {
    this.#repository = repository;
    this.#options = options;
    this.#check = options.depth.kind === 'quick' ? this.#quick() : this.#full(options.depth);
  }

  async run(keys: readonly BackupKey[]): Promise<VerifyReport> {
    const done: BackupKey[] = [];
    this.#coverage = await CoverageCheck.begin(this.#repository, this.#options.signal);
    try {
      for (const [i, key] of keys.entries()) {
        this.#left = keys.length - i;
        if (await this.#verify(key, keys.length === 1)) done.push(key);
      }
      await this.#check.others?.run();
    } catch (error) {
      const damaged = keys.filter((key) => this.#findings.isDamaged(key));
      const isWhole = damaged.length === 0 && this.#others.length === 0;
      if (isWhole || !isHoldfastError(error)) throw error;
      return this.#report(damaged, { recovery: undefined, interrupted: error });
    }
    return this.#report(done, { recovery: this.#coverage.result(), interrupted: undefined });
  }

  /** False if the backup no longer exists: prune may remove one, or its packs, meanwhile. */
  async #verify(key: BackupKey, isOnly: boolean): Promise<boolean> {
    try {
      await this.#check.verify(key);
    } catch (error) {
      if (isOnly || !isHoldfastError(error, 'E_NO_BACKUP')) throw error;
      return false;
    }
    if (!this.#findings.isDamaged(key) || (await this.#isListed(key))) return true;
    this.#findings.forget(key);
    return false;
  }

  get #others(): readonly VerifyFinding[] {
    return this.#check.others?.findings ?? [];
  }

  async #isListed(key: BackupKey): Promise<boolean> {
    try {
      return (await headIfThere(key, this.#repository.store, this.#options.signal)) !== undefined;
    } catch (error) {
      if (isHoldfastError(error, 'E_OBJECT_UNREADABLE')) return true;
      throw error;
    }
  }

  #quick(): Check {
    const { signal } = this.#options;
    const onManifest = ({ key }: Manifest, keys: readonly RunKey[]) =>
      this.#coverage?.look(key as BackupKey, keys);
    const quick = new QuickVerification(this.#repository, this.#findings, { onManifest, signal });
    return {
      verify: (key) => quick.verify(key),
      counts: () => ({ packs: quick.packs, chunks: 0, records: 0, readBytes: 0 }),
    };
  }

  #full(depth: VerifyDepth): Check {
    const isInScope = isInPart(depth);
    const { signal, onProgress = () => {} } = this.#options;
    const full: FullVerification = new FullVerification(this.#repository, this.#findings, {
      isInScope,
      onlyNew: depth.kind === 'new',
      onPassed: (plainBytes) => {
        this.#passedBytes += plainBytes;
        const storedBytes = full.counts.readBytes;
        onProgress({ kind: 'done', plainBytes: this.#passedBytes, storedBytes });
      },
      signal,
    });
    const isKnownPack = (pack: string) => full.hasLookedAt(pack);
    const others = new ObjectVerification(this.#repository, { isInScope, isKnownPack, signal });
    return {
      ...(this.#options.others ? { others } : {}),
      verify: async (key) => {
        const reader = await full.open(key);
        if (!reader) return;
        const listed = await full.keysOf(reader);
        this.#coverage?.look(key, listed);
        const { plainBytes, datasets } = reader.manifest.totals;
        // Consecutive backups are much alike.
        onProgress({ kind: 'total', plainBytes: this.#passedBytes + plainBytes * this.#left, datasets });
        await full.verify(reader);
      },
      counts: () => full.counts,
    };
  }

  #report(
    backups: readonly BackupKey[],
    ended: Pick<VerifyReport, 'recovery' | 'interrupted'>,
  ): VerifyReport {
    return {
      backups,
      depth: this.#options.depth,
      isProven: this.#repository.context.keys.hasRootKey,
      ...this.#check.counts(),
      objects: this.#check.others?.objects ?? 0,
      findings: [...this.#findings.list(), ...this.#others],
      sequence: undefined,
      spoiltPacks: this.#findings.spoiltPacks(),
      ...ended,
    };
  }
}

/**
 * An object's part depends only on its name, whatever is backed up between two runs: each is in exactly one
 * of them.
 */
function isInPart(depth: VerifyDepth): (hex: string) => boolean {
  if (depth.kind === 'quick' || depth.kind === 'full') return () => true;
  return (hex) => Number.parseInt(hex.slice(0, 8), 16) % depth.of === depth.part - 1;
}
