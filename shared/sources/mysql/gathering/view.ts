import { randomBytes } from 'node:crypto';
import { throwIfAborted } from '../../../core/abort.ts';
import { HoldfastError } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { Consistency, DatasetPlan, Gathered, SourceView } from '../../source.ts';
import type { Session } from '../connection/connection.ts';
import type { MysqlOptions } from '../connection/options.ts';
import { isEachChangeLogged } from '../snapshot/logged.ts';
import { lockSql, type MomentOptions, rungsFor } from '../snapshot/snapshot.ts';
import { encodePlace, FLAG, Flags, type GatheringPlace } from './flags.ts';
import { type GatheringOptions, gather } from './gather.ts';

/** Connections that are left to others. */
const SPARE_CONNECTIONS = 10;
/** A share opens one more than it reads with, and the holder samples too. */
const BESIDE_READERS = 1;

/** What is known before anybody reads. */
type Planned = Pick<SourceView, 'server' | 'omitted'> & {
  readonly consistency: Consistency;
  readonly datasets: readonly DatasetPlan[];
};

type About = Omit<GatheringOptions, 'shares' | 'waitMs' | 'signal'>;

/** A plan of what several processes are to read; its session is where they find each other. */
export class GatheringView implements SourceView {
  readonly position = 'where all shares begin';
  readonly server: string;
  readonly omitted: readonly string[];
  readonly consistency: Consistency;
  readonly datasets: readonly DatasetPlan[];
  readonly handle: JsonObject | undefined;
  readonly mostShares: number | undefined;
  readonly #about: About;

  private constructor(
    planned: Planned,
    about: About,
    sharing: { readonly place: GatheringPlace; readonly mostShares: number } | undefined,
  ) {
    this.server = planned.server;
    this.omitted = planned.omitted;
    this.consistency = planned.consistency;
    this.datasets = planned.datasets;
    this.handle = sharing && encodePlace(sharing.place);
    this.mostShares = sharing?.mostShares;
    this.#about = about;
  }

  /** Has no handle if nothing could bring several processes to one moment. The session is the view's from now on. */
  static async open(
    planned: Planned,
    control: Session,
    about: MomentOptions & Pick<GatheringOptions, 'changed'> & { readonly digest: string },
  ): Promise<GatheringView> {
    const { signal } = about;
    const gathering = randomBytes(8).toString('hex');
    const flags = new Flags(gathering);
    const rest = { ...about, control, flags };
    if (!(await mayGather(control, about))) return new GatheringView(planned, rest, undefined);
    await flags.raise(control, FLAG.holder, signal);
    const [holder = ''] = await flags.look(control, [FLAG.holder], signal);
    const mostShares = await countShares(control, about.options, signal);
    return new GatheringView(planned, rest, {
      place: { gathering, holder, tables: about.tables, digest: about.digest },
      mostShares,
    });
  }

  gather(
    shares: number,
    { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<Gathered> {
    return gather({ ...this.#about, shares, waitMs, signal });
  }

  // biome-ignore lint/correctness/useYield: it is read by others
  async *read(dataset: DatasetPlan): AsyncGenerator<Uint8Array> {
    throw new HoldfastError('E_INTERNAL', `${dataset.name} is read by the shares, not by who plans them`);
  }

  /** Nothing of it must last: who reads looks after its own sessions, and `gather` finds out if this one is gone. */
  async check(signal: AbortSignal): Promise<void> {
    throwIfAborted(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#about.control.close();
  }
}

async function mayGather(control: Session, about: MomentOptions): Promise<boolean> {
  for (const rung of rungsFor(about.options.snapshot)) {
    if (rung !== 'binlog') {
      if (lockSql(rung, about) !== undefined) return true;
      continue;
    }
    const told = await control.query("SHOW STATUS LIKE 'binlog_snapshot_file'", about.signal);
    if (told.length > 0 && (await isEachChangeLogged(control, about.signal))) return true;
  }
  return false;
}

/** As many as there are connections for. */
async function countShares(control: Session, options: MysqlOptions, signal: AbortSignal): Promise<number> {
  const [limits] = await control.query<{ all: string | null; mine: string | null }>(
    'SELECT @@GLOBAL.max_connections AS `all`, @@SESSION.max_user_connections AS mine',
    signal,
  );
  const [used] = await control.query("SHOW GLOBAL STATUS LIKE 'Threads_connected'", signal);
  const left = Number(limits?.all ?? 0) - Number(used?.['Value'] ?? 0) - SPARE_CONNECTIONS;
  const mine = Number(limits?.mine ?? 0);
  const most = mine > 0 ? Math.min(left, mine) : left;
  const each = options.readers + BESIDE_READERS;
  return Math.max(1, Math.floor((most - each) / each));
}
