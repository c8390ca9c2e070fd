import { randomBytes } from 'node:crypto';
import { HoldfastError } from '../../core/errors.ts';
import type { Repository } from '../../repository/repository.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';
import type { Source, SourceView } from '../../sources/source.ts';
import { contentsOf } from '../restore/contents.ts';
import { Keyed } from './keyed.ts';
import { conditionProblems } from './mask-checks.ts';
import { columnReports, type MaskedColumnReport } from './mask-report.ts';
import { planMask } from './plan-mask.ts';
import { readFacts } from './read-facts.ts';
import type { MaskRules } from './rules.ts';

/** Whether rules cover a backup or a database, and what stands against them. */
export interface MaskCheck {
  /** Columns without a rule: `public.customers.ssn (text)`. */
  readonly unclassified: readonly string[];
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly columns: readonly MaskedColumnReport[];
}

/** For a backup: its columns, its keys, and its conditions with some of its rows. @throws E_DAMAGED, E_STORE_*, E_USAGE */
export async function checkMaskOfBackup(
  repository: Repository,
  key: Parameters<Repository['openBackup']>[0],
  rules: MaskRules,
  signal: AbortSignal,
): Promise<MaskCheck> {
  const contents = contentsOf(await repository.openBackup(key, signal));
  const { plan, ...found } = await check(contents, rules, signal);
  // Any secret gives values of the same form.
  const keyed = new Keyed(randomBytes(32).toString('hex'));
  const conditions = await conditionProblems(contents, plan, { rules, keyed, signal });
  return { ...found, problems: [...found.problems, ...conditions] };
}

/** For a database as it is now: its columns and its keys. No row is read. @throws E_SOURCE_*, E_ABORTED, E_USAGE */
export async function checkMaskOfSource(
  source: Source,
  rules: MaskRules,
  signal: AbortSignal,
): Promise<MaskCheck> {
  await using view = await source.open(signal, { allowEmpty: true });
  const { plan: _, ...found } = await check(contentsOfView(source.kind, view), rules, signal);
  return found;
}

async function check(contents: BackupContents, rules: MaskRules, signal: AbortSignal) {
  const plan = planMask(contents, await readFacts(contents, signal), rules);
  const { unclassified, problems, warnings } = plan;
  return { plan, unclassified, problems, warnings, columns: columnReports(plan) };
}

/** A database as a backup of it would be; how many records there are is not known. */
function contentsOfView(sourceKind: string, view: SourceView): BackupContents {
  const datasets: readonly StoredDataset[] = view.datasets.map(({ name, kind, attributes, partitions }) => ({
    name,
    kind,
    attributes,
    records: 0,
    plainBytes: 0,
    partitions: partitions.map((partition) => ({ name: partition.name, records: 0, plainBytes: 0 })),
  }));
  return {
    sourceKind,
    server: view.server,
    datasets,
    async *read({ name }, { name: part }, signal) {
      const dataset = view.datasets.find((one) => one.name === name);
      const partition = dataset?.partitions.find((one) => one.name === part);
      if (dataset && partition) yield* view.read(dataset, partition, signal);
    },
    // biome-ignore lint/correctness/useYield: nothing of a database that is only looked at is copied
    async *copy() {
      throw new HoldfastError('E_INTERNAL', 'a database that is looked at cannot be copied');
    },
  };
}
