import { createHash } from 'node:crypto';
import { randomFor } from '../../core/bound-random.ts';
import { about, HoldfastError } from '../../core/errors.ts';
import { type BackupKey, parseRunKeyId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { DAY_MS } from '../../core/units.ts';
import { SOFTWARE } from '../../core/version.ts';
import { isAuthentic, isDocumentProblem } from '../../format/authenticated-json.ts';
import {
  encodeReport,
  isDecision,
  isReportKey,
  openDetails,
  parseReport,
  type Report,
  type ReportKind,
  reportKey,
  sealDetails,
} from '../../format/report.ts';
import type { ObjectInfo } from '../../store/object-store.ts';
import type { RepositoryContext } from '../context.ts';
import { Adopted } from '../keys/adopted.ts';
import type { DocumentMemory } from '../reading/document-memory.ts';
import { objectStamp } from '../reading/listed-objects.ts';
import { Quarantine } from './quarantine.ts';
import type { StoredReport } from './stored-report.ts';

const neverAborted = new AbortController().signal;
/** Reports read at once. */
const READS = 32;
/** How far writers' clocks may differ. */
const MOST_SKEW_MS = 2 * DAY_MS;

/** A report before it has a key and a date. */
export interface ReportToWrite {
  readonly backups: readonly BackupKey[];
  /** The public part, for anybody who may read the store: no names of tables, no data. */
  readonly body: JsonObject;
  /** The part that only the key opens. */
  readonly details?: JsonObject | undefined;
  /** 8 hex digits for its key. @default random ones */
  readonly unique?: string | undefined;
  /** @default whether it is a decision: those must be signed if anybody signs */
  readonly signs?: boolean;
}

/** Evidence and decisions, each an object of its own under `reports/`: written once, authentic, never changed. */
export class Reports {
  readonly #context: RepositoryContext;
  readonly #adopted: Adopted;
  readonly #memory: DocumentMemory<StoredReport> | undefined;

  /** @param memory of what was read. @default every report is read each time */
  constructor(context: RepositoryContext, memory?: DocumentMemory<StoredReport>) {
    this.#context = context;
    this.#memory = memory;
    this.#adopted = new Adopted(() => this.read('adopt', neverAborted));
  }

  /**
   * Whether somebody confirmed, with a signature, that an unsigned object is Holdfast's. @throws E_STORE_*
   */
  isAdopted(sha256: string): Promise<boolean> {
    return this.#adopted.has(sha256);
  }

  /** Decisions are signed if anybody signs. @throws E_NO_KEY, E_BAD_KEY, E_KEY_*, E_STORE_* */
  async write(
    kind: ReportKind,
    { backups, body, details, unique, signs = isDecision(kind) }: ReportToWrite,
    signal: AbortSignal,
  ): Promise<string> {
    const { keys, clock, store, file, signatures } = this.#context;
    const sign = signs ? signatures.sign(signal) : undefined;
    const at = clock.now();
    // The key of the details is made for this run, and seals nothing else.
    const said = JSON.stringify([kind, at, backups, body, details ?? null]);
    const run = parseRunKeyId(randomFor(16, said).toString('hex'));
    const key = reportKey(kind, at, unique ?? run.slice(0, 8));
    const mac = await keys.make(run, 'manifest', signal);
    const seal = details && (await keys.make(run, 'index', signal));
    const sealed = details && seal && sealDetails(details, seal.plain, key);
    const report = {
      software: SOFTWARE,
      repository: file.id,
      key,
      kind,
      run,
      at: at.toISOString(),
      backups: [...backups],
      body,
      ...(sealed === undefined ? {} : { details: sealed }),
      keys: [mac.entry, ...(seal === undefined ? [] : [seal.entry])],
    };
    await keys.refuseReplaced(signal);
    await store.put(key, await encodeReport(report, mac.plain, sign), { signal });
    if (kind === 'adopt') this.#adopted.forget();
    return key;
  }

  /** All reports of a kind, oldest first. A report's problem is part of its value. */
  async *read(kind: ReportKind, signal: AbortSignal): AsyncGenerator<StoredReport> {
    yield* orderedMap(
      this.#found(`reports/${kind}/`, () => true, signal),
      READS,
      (info) => this.openListed(info, signal),
    );
  }

  /**
   * All reports of these kinds, from one listing, in path order. A report's problem is part of its value.
   *
   * @param since leaves out older ones, allowing for wrong clocks of writers
   */
  async *readAll(
    kinds: readonly ReportKind[],
    signal: AbortSignal,
    since?: Date,
  ): AsyncGenerator<StoredReport> {
    const isWanted = (key: string) => kinds.some((kind) => key.startsWith(`reports/${kind}/`));
    const found = since
      ? this.#foundSince(kinds, new Date(since.getTime() - MOST_SKEW_MS), signal)
      : this.#found('reports/', isWanted, signal);
    yield* orderedMap(found, READS, (info) => this.openListed(info, signal));
  }

  /** All objects that were put aside. @throws E_STORE_* */
  quarantine(signal: AbortSignal): Promise<Quarantine> {
    return Quarantine.read(this.#context.store, this.read('quarantine', signal));
  }

  /** As `open`, without reading again what is listed unchanged. */
  async openListed(info: ObjectInfo, signal: AbortSignal): Promise<StoredReport> {
    const { key, modifiedAt, sizeBytes } = info;
    const stamp = objectStamp(info);
    const known = this.#memory?.get(key, stamp);
    if (known) return known;
    const value = await this.open(key, modifiedAt, signal);
    if (this.#isSettled(value)) this.#memory?.keep(key, { stamp, value, sizeBytes });
    return value;
  }

  /** @throws E_STORE_*; the report's own problem is in the value */
  async open(key: string, storedAt: Date, signal: AbortSignal): Promise<StoredReport> {
    return this.inspect(key, () => this.#context.store.get(key, { signal }), { storedAt, signal });
  }

  /**
   * The same for bytes that are elsewhere. @throws what `read` throws, except for the report's own problem
   */
  async inspect(
    key: string,
    read: () => Promise<Uint8Array>,
    { storedAt, signal }: { readonly storedAt: Date; readonly signal: AbortSignal },
  ): Promise<StoredReport> {
    try {
      const bytes = await read();
      const report = parseReport(bytes, key);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return { key, storedAt, report, sha256, ...(await this.#prove(bytes, report, signal)) };
    } catch (error) {
      if (!isDocumentProblem(error)) throw error;
      return { key, storedAt, report: undefined, isProven: false, problem: error };
    }
  }

  /**
   * The part that only the key opens, undefined if the report has none. @throws E_NO_KEY, E_WRONG_KEY,
   * E_DAMAGED
   */
  async details(report: Report, signal: AbortSignal): Promise<JsonObject | undefined> {
    if (report.details === undefined) return undefined;
    const { keys } = this.#context;
    const key = await keys.of(report.keys, report.key).open(report.run, 'index', signal);
    return openDetails(report.details, key, report.key);
  }

  /**
   * Whether the same bytes will always be judged the same: somebody may sign later for an unsigned decision.
   */
  #isSettled({ problem, isSigned, report }: StoredReport): boolean {
    if (problem !== undefined || !report) return false;
    return isSigned === true || !isDecision(report.kind) || !this.#context.signatures.trustsAny;
  }

  async *#found(prefix: string, isWanted: (key: string) => boolean, signal: AbortSignal) {
    for await (const info of this.#context.store.list(prefix, { signal }))
      if (isReportKey(info.key) && isWanted(info.key)) yield info;
  }

  /** With one listing per kind, all at once. */
  async *#foundSince(kinds: readonly ReportKind[], since: Date, signal: AbortSignal) {
    const day = since.toISOString().slice(0, 10).replaceAll('-', '');
    const { store } = this.#context;
    const lists = kinds.map((kind) =>
      Array.fromAsync(store.list(`reports/${kind}/`, { after: `reports/${kind}/${day}`, signal })),
    );
    for (const info of (await Promise.all(lists)).flat()) if (isReportKey(info.key)) yield info;
  }

  async #prove(
    bytes: Uint8Array,
    report: Report,
    signal: AbortSignal,
  ): Promise<Pick<StoredReport, 'isProven' | 'isSigned' | 'signature' | 'problem'>> {
    const { keys, file, signatures } = this.#context;
    if (report.repository !== file.id) throw notOurs(report.key, `is of repository ${report.repository}`);
    const isAdopted = report.kind === 'adopt' ? undefined : (sha256: string) => this.#adopted.has(sha256);
    const signature = signatures.look(bytes);
    if (signature?.state === 'wrong' && !isDecision(report.kind))
      throw notOurs(report.key, `has a signature that the key ${signature.key} did not make`);
    const isSigned = isDecision(report.kind)
      ? await signatures.check(bytes, report.key, isAdopted)
      : signature?.state === 'right';
    if (!keys.hasRootKey) return { isProven: isSigned, isSigned, signature, problem: undefined };
    const entry = report.keys.find(({ run, purpose }) => run === report.run && purpose === 'manifest');
    if (entry && isAuthentic(bytes, await about(report.key, () => keys.unwrap(entry, signal)))) {
      await keys.refuseUnbelieved(entry, bytes, report.key, signal);
      return { isProven: true, isSigned, signature, problem: undefined };
    }
    throw notOurs(report.key, 'was changed after it was written, or was not written by Holdfast');
  }
}

/**
 * When a report was made, as far as both clocks agree: the earlier of what its writer says under the MAC and
 * what the store says. Storing an old report again does not make it newer.
 */
export function madeAt({ report, storedAt }: StoredReport): Date {
  const claimed = report ? new Date(report.at) : storedAt;
  return claimed < storedAt ? claimed : storedAt;
}

/** When a report was made, by its writer's clock and by the store's. */
export interface ReportDates {
  readonly report: Pick<Report, 'at'> | undefined;
  readonly storedAt: Date;
}

/**
 * Whether a report comes after another by both its writer's clock and the store's. Anybody who may write to
 * the store can change the second at will, but not the first; a writer's clock may be wrong, but not the
 * store's.
 */
export function isAfter(one: ReportDates, other: ReportDates): boolean {
  if (!one.report || !other.report) return false;
  return one.report.at > other.report.at && one.storedAt >= other.storedAt;
}

function notOurs(key: string, problem: string): HoldfastError {
  return new HoldfastError('E_DAMAGED', `${key} ${problem}`, {
    hint: 'It does not count. Restore it from an older version of the object.',
  });
}
