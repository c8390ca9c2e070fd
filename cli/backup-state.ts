import { depthName } from '../shared/core/backup-words.ts';
import type { BackupSummary } from '../shared/jobs/status/list.ts';
import { age } from './format.ts';

type Standing = Pick<BackupSummary, 'state' | 'isMisdated' | 'suspect' | 'marks'>;

/** `whole`, `whole, suspect`, `whole, suspect (accepted), held`, `whole, misdated`. */
export function standing({ state, isMisdated, suspect, marks }: Standing): string {
  const suspicion = marks.accept ? 'suspect (accepted)' : 'suspect';
  return [
    state,
    ...(isMisdated ? ['misdated'] : []),
    ...(suspect.length > 0 ? [suspicion] : []),
    ...(marks.hold ? ['held'] : []),
  ].join(', ');
}

/** `full, 3 days ago`; `never`. */
export function verification({ marks }: Pick<Standing, 'marks'>, now: Date): string {
  if (!marks.verify) return 'never';
  const { at, isWhole } = marks.verify;
  return `${isWhole ? '' : 'DAMAGED: '}${depthName(marks.verify.depth)}, ${age(at, now)}`;
}
