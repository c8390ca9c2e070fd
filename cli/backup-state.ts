import type { BackupSummary } from '../shared/jobs/status/list.ts';
import { age } from './format.ts';

type Standing = Pick<BackupSummary, 'state' | 'isMisdated' | 'suspect' | 'marks'>;
type Verify = NonNullable<Standing['marks']['verify']>;

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
  return `${isWhole ? '' : 'DAMAGED: '}${depthName(marks.verify)}, ${age(at, now)}`;
}

/** `quick`, `full`, `part 3/7`, `new data`: only what the backup itself stored. */
export function depthName({ depth }: Pick<Verify, 'depth'>): string {
  const { kind, part = 1, of = 1 } = depth;
  if (kind === 'new') return of === 1 ? 'new data' : `new data ${part}/${of}`;
  return kind === 'subset' ? `part ${part}/${of}` : kind;
}
