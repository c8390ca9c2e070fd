import type { RetentionPolicy } from '../../config/retention.ts';
import { HoldfastError } from '../../core/errors.ts';
import { type BackupKey, parsePackId } from '../../core/ids.ts';
import { plural } from '../../core/plural.ts';
import { packKey } from '../../format/pack.ts';
import { judgeDate } from '../../repository/documents/claimed-date.ts';
import { unionOf } from '../../repository/packs/pack-set.ts';
import type { ExpiredCopy, PackUse } from '../../repository/packs/pack-use.ts';
import type { ListedBase } from '../changes/prune-changes.ts';
import { lastPathPart, type StoredWrap, type WrapUse } from '../keys/wrap-use.ts';
import { planRetention, type RetentionBackup, type RetentionDecision } from './retention.ts';

/** A stored pack. */
export interface StoredPack {
  readonly id: string;
  readonly bytes: number;
  readonly storedAt: Date;
}

/** Why the store refuses to remove an object: until that time, or until its legal hold is removed. */
export type LockEnd = Date | 'legal hold';

/** The inventory that a plan is made from. */
export interface PruneInventory {
  readonly now: Date;
  readonly backups: readonly RetentionBackup[];
  readonly use: PackUse;
  readonly packs: readonly StoredPack[];
  /** Data keys that are wrapped to recovery keys, and which manifests need them. @default none */
  readonly wraps?: { readonly stored: readonly StoredWrap[]; readonly use: WrapUse } | undefined;
  /** Whether somebody holds the backup. */
  readonly isHeld: (key: BackupKey) => boolean;
  /** Backups with the highest number of their source: the next one follows them. @default none */
  readonly heads?: ReadonlySet<string>;
  /** Backups that changes can be applied to. @default none */
  readonly bases?: readonly ListedBase[];
  /** Why bases stay that kept moments need. @default none does for that reason */
  readonly neededBases?: ReadonlyMap<BackupKey, string>;
  /** Unreadable reports that may be holds. */
  readonly unreadHolds: readonly string[];
  /** By object, for those that were checked; locked ones stay. @default nothing is locked */
  readonly locked?: ReadonlyMap<string, LockEnd>;
}

/** What a prune goes by. */
export interface PruneRules {
  readonly policy: RetentionPolicy;
  readonly graceMs: number;
  /** 0 to 1: of backups, and of bytes. */
  readonly maxShare: number;
}

/** What a prune will do; `--dry-run` shows this value, and a prune carries it out. */
export interface PrunePlan {
  readonly now: Date;
  readonly graceMs: number;
  /** Every listed backup, newest first. */
  readonly decisions: readonly RetentionDecision[];
  /** Backups to unlist. */
  readonly expire: readonly BackupKey[];
  /** Packs to remove. */
  readonly sweep: readonly StoredPack[];
  /** Objects below `recovery/` that no backup needs any more. */
  readonly unwrap: readonly string[];
  /** Objects below `expired/` whose grace is over. */
  readonly forget: readonly string[];
  /** Backups and packs that would go if they were not locked. */
  readonly locked: { readonly backups: number; readonly packs: number; readonly bytes: number };
  /** Bytes of packs that are only needed by backups that are, or will be, in their grace. */
  readonly waitingBytes: number;
  /** Why no pack is removed; undefined if nothing prevents it. */
  readonly blockedBy: string | undefined;
  /** E_PRUNE_TOO_MUCH if the plan removes more than it may. */
  readonly refusal: HoldfastError | undefined;
}

/** Pure. docs/reference/format.md, "Prune". */
export function planPrune(view: PruneInventory, { policy, graceMs, maxShare }: PruneRules): PrunePlan {
  const { now, use, packs } = view;
  const unlocked = planRetention(view.backups, policy, now).map((decision) =>
    mindMoments(mindHeads(mindHolds(decision, view), view), view),
  );
  const decisions = unlocked.map((decision) => mindLocks(decision, view));
  const isLocked = (object: string) => view.locked?.has(object) === true;
  const expire = decisions.filter(({ keep }) => !keep).map(({ key }) => key);
  const copies = sortCopies(view, graceMs);
  const names = sortNames(use, expire, copies);
  const isUsed = ({ id }: StoredPack) =>
    names.kept.has(id) || names.waiting.has(id) || (graceMs > 0 && names.leaving.has(id));
  const isOld = ({ storedAt }: StoredPack) => now.getTime() - storedAt.getTime() >= graceMs;
  const blockedBy = unreadable(use, copies.waiting);
  const done = blockedBy === undefined ? packs.filter((pack) => !isUsed(pack) && isOld(pack)) : [];
  const stuck = new Set(done.filter(({ id }) => isLocked(packKey(parsePackId(id)))));
  const sweep = done.filter((pack) => !stuck.has(pack));
  return {
    now,
    graceMs,
    decisions,
    expire,
    sweep,
    unwrap:
      blockedBy === undefined
        ? unneededWraps(view, { expire, waiting: copies.waiting, graceMs }).filter((one) => !isLocked(one))
        : [],
    forget:
      blockedBy === undefined ? [...copies.done, ...use.leftovers].filter((object) => !isLocked(object)) : [],
    locked: {
      backups: decisions.filter(({ keep }, i) => keep && unlocked[i]?.keep === false).length,
      packs: stuck.size,
      bytes: bytesOf([...stuck]),
    },
    waitingBytes: bytesOf(packs.filter((pack) => isUsed(pack) && !names.kept.has(pack.id))),
    blockedBy,
    refusal: refuseTooMuch(sharesOf(view, expire, decidedOn(packs, names, new Set(sweep))), maxShare),
  };
}

/**
 * As for packs: those that no listed manifest needs, nor one in its grace, and that were stored before any
 * run in progress began.
 */
function unneededWraps(
  { now, use, wraps }: PruneInventory,
  going: {
    readonly expire: readonly BackupKey[];
    readonly waiting: readonly string[];
    readonly graceMs: number;
  },
): string[] {
  if (!wraps) return [];
  const { expire, waiting, graceMs } = going;
  const leaving = new Set(graceMs > 0 ? [] : expire);
  const stay = [...use.listed.filter((key) => !leaving.has(key)), ...waiting];
  const needed = wraps.use.namesOf(stay, use);
  const isOld = ({ storedAt }: StoredWrap) => now.getTime() - storedAt.getTime() >= graceMs;
  return wraps.stored
    .filter((wrap) => !needed.has(lastPathPart(wrap.object)) && isOld(wrap))
    .map(({ object }) => object);
}

/** Totals for the share that goes: backups, then bytes. */
interface Shares {
  /** Which bytes, in messages. */
  readonly of: 'stored' | 'confirmed';
  readonly backups: readonly [part: number, whole: number];
  readonly bytes: readonly [part: number, whole: number];
}

/**
 * What goes, as a share of everything, and of only the trusted backups that were stored when they say: other
 * backups, and packs that nothing names, would otherwise make a large share look small.
 */
function sharesOf(
  { backups, use, packs }: PruneInventory,
  expire: readonly BackupKey[],
  decided: readonly StoredPack[],
): readonly Shares[] {
  const all: Shares = {
    of: 'stored',
    backups: [expire.length, backups.length],
    bytes: [bytesOf(decided), bytesOf(packs)],
  };
  const sure = new Set(backups.filter(isSure).map(({ key }) => key));
  if (sure.size === 0 || sure.size === backups.length) return [all];
  const named = unionOf([...sure].map((key) => use.packs.get(key)));
  const isNamed = ({ id }: StoredPack) => named.has(id);
  return [
    all,
    {
      of: 'confirmed',
      backups: [expire.filter((key) => sure.has(key)).length, sure.size],
      bytes: [bytesOf(decided.filter(isNamed)), bytesOf(packs.filter(isNamed))],
    },
  ];
}

function isSure({ problem, startedAt, storedAt }: RetentionBackup): boolean {
  return problem === undefined && judgeDate(startedAt, storedAt) === 'confirmed';
}

/** Objects below `expired/`: those whose packs are still needed, and those whose grace is over. */
function sortCopies({ now, use, isHeld }: PruneInventory, graceMs: number) {
  const isWaiting = ({ expiredAt, key }: ExpiredCopy) =>
    (graceMs > 0 && now.getTime() - expiredAt.getTime() < graceMs) || isHeld(key);
  const objects = (copies: readonly ExpiredCopy[]) => copies.map(({ object }) => object);
  return {
    waiting: objects(use.expired.filter(isWaiting)),
    done: objects(use.expired.filter((copy) => !isWaiting(copy))),
  };
}

type PackNames = Readonly<Record<'kept' | 'leaving' | 'waiting' | 'done', ReturnType<typeof unionOf>>>;

/**
 * Ids of packs by what names them: backups that stay, that go now, that are gone and in their grace, or past
 * it.
 */
function sortNames(
  { listed, packs }: PackUse,
  expire: readonly BackupKey[],
  copies: Readonly<Record<'waiting' | 'done', readonly string[]>>,
): PackNames {
  const namesOf = (objects: readonly string[]) => unionOf(objects.map((object) => packs.get(object)));
  const going = new Set(expire);
  return {
    kept: namesOf(listed.filter((key) => !going.has(key))),
    leaving: namesOf(expire),
    waiting: namesOf(copies.waiting),
    done: namesOf(copies.done),
  };
}

/**
 * Packs that this run decides are not needed: those of the backups that it unlists, and those to be removed
 * that nothing names. Packs of backups that an earlier run unlisted were decided on then.
 */
function decidedOn(
  packs: readonly StoredPack[],
  { kept, leaving, waiting, done }: PackNames,
  swept: ReadonlySet<StoredPack>,
): readonly StoredPack[] {
  return packs.filter((pack) => {
    const isDecided = kept.has(pack.id) || waiting.has(pack.id) || done.has(pack.id);
    return !isDecided && (leaving.has(pack.id) || swept.has(pack));
  });
}

/** An unreadable hold may be for any backup. */
function mindHolds(decision: RetentionDecision, { unreadHolds }: PruneInventory): RetentionDecision {
  if (decision.keep || unreadHolds.length === 0) return decision;
  return {
    ...decision,
    keep: true,
    reasons: unreadHolds.map((key) => `perhaps held: ${key} cannot be read`),
  };
}

/**
 * Without the newest by its number, the next one would get the same number, and nobody could tell that from a
 * missing backup.
 */
function mindHeads(decision: RetentionDecision, { heads }: PruneInventory): RetentionDecision {
  if (decision.keep || !heads?.has(decision.key)) return decision;
  return { ...decision, keep: true, reasons: ['the newest by its number: the next one follows it'] };
}

/** Moments can only be restored from a base before them. */
function mindMoments(decision: RetentionDecision, { neededBases }: PruneInventory): RetentionDecision {
  const why = neededBases?.get(decision.key);
  return decision.keep || why === undefined ? decision : { ...decision, keep: true, reasons: [why] };
}

/** A locked object would only be hidden, and take as much space. One that was put aside should be hidden. */
function mindLocks(decision: RetentionDecision, { locked, backups }: PruneInventory): RetentionDecision {
  const end = locked?.get(decision.key);
  if (decision.keep || end === undefined) return decision;
  if (backups.find(({ key }) => key === decision.key)?.putAside !== undefined) return decision;
  const until =
    end === 'legal hold' ? 'until its legal hold is removed' : `until ${end.toISOString().slice(0, 10)}`;
  return { ...decision, keep: true, reasons: [`locked ${until}`] };
}

/** The packs of an unreadable manifest are unknown, so any pack may be one of them. */
function unreadable({ listed, packs }: PackUse, waiting: readonly string[]): string | undefined {
  const found = [...listed, ...waiting].filter((object) => packs.get(object) === undefined);
  if (found.length === 0) return undefined;
  return `${found.join(', ')} cannot be read, so any pack may belong to it; if it cannot be restored: holdfast quarantine`;
}

function refuseTooMuch(shares: readonly Shares[], maxShare: number): HoldfastError | undefined {
  const isOver = ([part, whole]: readonly [number, number]) => part > whole * maxShare;
  const over = shares.find(({ backups, bytes }) => isOver(backups) || isOver(bytes));
  if (!over) return undefined;
  const percent = (share: number) => `${Number((100 * share).toFixed(1))} %`;
  const [expired, listed] = over.backups;
  const [bytes, stored] = over.bytes;
  return new HoldfastError(
    'E_PRUNE_TOO_MUCH',
    `this would remove ${expired} of ${plural(listed, 'backup')} and ${percent(bytes / Math.max(1, stored))} of the ${over.of} bytes; one run may remove ${percent(maxShare)} of either`,
    {
      hint: 'Check `holdfast prune --dry-run`; if it is right, pass --max-share 100, or set prune.maxSharePercent.',
      details: { expired, listed, bytes, stored },
    },
  );
}

function bytesOf(packs: readonly StoredPack[]): number {
  return packs.reduce((sum, { bytes }) => sum + bytes, 0);
}
