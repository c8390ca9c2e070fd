import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../core/units.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import {
  claimKey,
  encodeNotice,
  NOTICES,
  type Notice,
  noticeKey,
  parseClaimKey,
  parseNotice,
  parseNoticeKey,
  type Said,
} from '../../format/notice.ts';
import { putIfAbsent } from '../../store/if-there.ts';
import type { ObjectInfo } from '../../store/object-store.ts';
import type { Repository } from '../repository.ts';

/** Notices to keep for each channel, besides those that record what was reported last. */
const MOST_NOTICES = 40;
/** A process that claimed a delivery is assumed to be at it for this long. */
export const CLAIM_MS = 10 * MINUTE_MS;
const CLAIMS_KEPT_MS = DAY_MS;
/** A note is not worth waiting for a store that does not respond. */
const MOST_WAIT_MS = 20 * SECOND_MS;

/** The notices of one channel, as last listed. */
export class ChannelNotices {
  readonly channel: string;
  readonly #repository: Repository;
  readonly #objects: readonly ObjectInfo[];

  private constructor(repository: Repository, channel: string, objects: readonly ObjectInfo[]) {
    this.#repository = repository;
    this.channel = channel;
    this.#objects = objects;
  }

  /** @throws E_STORE_* */
  static async list(repository: Repository, channel: string, signal: AbortSignal): Promise<ChannelNotices> {
    const objects: ObjectInfo[] = [];
    const limit = AbortSignal.any([signal, AbortSignal.timeout(MOST_WAIT_MS)]);
    for await (const info of repository.store.list(`${NOTICES}${channel}/`, { signal: limit }))
      objects.push(info);
    return new ChannelNotices(repository, channel, objects);
  }

  /** Keys, newest first. */
  get keys(): readonly string[] {
    return this.#objects.flatMap(({ key }) => (parseNoticeKey(key) ? [key] : [])).toReversed();
  }

  /**
   * What was reported last; undefined if nothing was, or if it cannot be read: an earlier report may be out
   * of date. @throws E_STORE_*
   */
  async lastSaid(signal: AbortSignal): Promise<Said | undefined> {
    const last = this.#lastDelivered((kind) => kind !== 'test' && kind !== 'digest');
    return last && ((await this.read(last.key, signal))?.said ?? undefined);
  }

  /** When a digest was last delivered, by the store's clock. */
  get digestAt(): Date | undefined {
    return this.#lastDelivered((kind) => kind === 'digest')?.modifiedAt;
  }

  /** By the store's clock: a process's clock may be wrong. */
  #lastDelivered(isWanted: (kind: string) => boolean): ObjectInfo | undefined {
    const delivered = this.#objects.filter(({ key }) => {
      const { kind, outcome } = parseNoticeKey(key) ?? {};
      return outcome === 'delivered' && kind !== undefined && isWanted(kind);
    });
    return delivered.toSorted(
      (a, b) => b.modifiedAt.getTime() - a.modifiedAt.getTime() || (a.key < b.key ? 1 : -1),
    )[0];
  }

  /** Undefined if it cannot be trusted. @throws E_STORE_* */
  async read(key: string, signal: AbortSignal): Promise<Notice | undefined> {
    const { store, id } = this.#repository;
    try {
      return parseNotice(await store.get(key, { signal }), { repository: id, key });
    } catch (error) {
      if (isDocumentProblem(error) || (error as { readonly code?: string }).code === 'E_OBJECT_NOT_FOUND')
        return undefined;
      throw error;
    }
  }

  /**
   * Claims a delivery for this process.
   *
   * @param claim what is to be reported: the same in every process that would report it
   * @returns how many claimed it before; undefined if another process is at it
   * @throws E_STORE_*
   */
  async claim(claim: string, signal: AbortSignal): Promise<number | undefined> {
    const { store, clock } = this.#repository;
    const before = this.#objects.flatMap((info) => {
      const found = parseClaimKey(info.key);
      return found?.claim === claim ? [{ ...found, info }] : [];
    });
    const last = before.toSorted((a, b) => b.count - a.count)[0];
    if (last) {
      const isOver = this.keys.some((key) => parseNoticeKey(key)?.id === `${claim}-${last.count}`);
      // A clock that is off by more, this one or the store's, must not silence anything.
      const ageMs = Math.abs(clock.now().getTime() - last.info.modifiedAt.getTime());
      if (!isOver && ageMs < CLAIM_MS) return undefined;
    }
    const count = last ? last.count + 1 : 0;
    const key = claimKey(this.channel, claim, count);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(MOST_WAIT_MS)]);
    return (await putIfAbsent(key, Buffer.from('{}\n'), store, { signal: limit })) ? count : undefined;
  }

  /**
   * Removes old notices, except the newest ones and those that record what was reported last. @throws
   * E_STORE_*
   */
  async trim(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#repository;
    const { keys } = this;
    if (keys.length <= MOST_NOTICES && this.#objects.length <= 2 * MOST_NOTICES) return;
    const needed = [
      this.#lastDelivered((kind) => kind !== 'test' && kind !== 'digest')?.key,
      this.#lastDelivered((kind) => kind === 'digest')?.key,
    ];
    const oldest = clock.now().getTime() - CLAIMS_KEPT_MS;
    const claims = this.#objects.filter(
      ({ key, modifiedAt }) => parseClaimKey(key) && modifiedAt.getTime() < oldest,
    );
    const old = keys.slice(MOST_NOTICES).filter((key) => !needed.includes(key));
    for (const key of [...old, ...claims.map((claim) => claim.key)]) await store.delete(key, { signal });
  }
}

/** @throws E_STORE_* */
export async function writeNotice(
  { store, clock, id: repository }: Repository,
  {
    id,
    ...notice
  }: Omit<Notice, 'format' | 'version' | 'repository' | 'key' | 'at'> & { readonly id: string },
): Promise<void> {
  const at = clock.now();
  const key = noticeKey(notice, at, id);
  await store.put(key, encodeNotice({ ...notice, repository, key, at: at.toISOString() }), {
    signal: AbortSignal.timeout(MOST_WAIT_MS),
  });
}
