import { backupName } from '../shared/core/backup-words.ts';
import type { RestoreResult } from '../shared/jobs/restore/restore.ts';
import { bytes } from './format.ts';

type Plan = RestoreResult['plan'];

/** @param doubts about the backup itself */
export function planDocument(key: string, plan: Plan, doubts: readonly string[] = []): object {
  return {
    key,
    target: plan.target,
    datasets: plan.datasets.map(({ name, records, plainBytes }) => ({ name, records, plainBytes })),
    steps: plan.steps,
    conflicts: plan.conflicts,
    drops: plan.drops,
    rebuilds: plan.rebuilds ?? [],
    losses: plan.losses ?? [],
    warnings: [...doubts, ...plan.warnings],
    isPlain: plan.isPlain === true,
  };
}

/** For what a restore leaves in a folder. */
export const PLAIN =
  'The files are plain data, not encrypted: readable only by their owner (0600; new folders 0700).';

/** A plan in words, as a person reads it before saying yes. */
export function describePlan(
  key: string,
  { target, steps, conflicts, drops, warnings, datasets, isPlain }: Plan,
  verb = 'Restore',
): string {
  const size = datasets.reduce((sum, { plainBytes }) => sum + plainBytes, 0);
  const inTheWay = drops.length > 0 ? [] : conflicts;
  const lines = [
    `${verb} ${backupName(key)} to ${target}, ${bytes(size)}:`,
    ...steps.map((step, i) => `  ${i + 1}. ${step}`),
    ...(drops.length > 0 ? ['Drops:'] : []),
    ...drops.map((drop) => `  ${drop}`),
    ...(inTheWay.length > 0 ? ['In the way (it will refuse, unless you pass --replace):'] : []),
    ...inTheWay.map((conflict) => `  ${conflict}`),
    ...(isPlain ? [PLAIN] : []),
    ...warnings.map((warning) => `warning: ${warning}`),
  ];
  return `${lines.join('\n')}\n`;
}
