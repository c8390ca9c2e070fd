import { plural } from '../../../shared/core/plural.ts';
import { momentText } from '../../ui/moment.tsx';
import type { Changes } from './answer.ts';

/** Of the whole width, in percent: what is shorter could not be seen. */
const LEAST_WIDTH = 0.4;

/** Stretches, gaps and backups on one line of time. The tables below say the same in words. */
export function Picture({ changes }: { readonly changes: Changes }) {
  const { restorable, bases, now } = changes;
  const begin = Date.parse(restorable.at(-1)?.from ?? now);
  const end = Math.max(Date.parse(now), begin + 1);
  const at = (moment: string) =>
    Math.min(100, Math.max(0, ((Date.parse(moment) - begin) / (end - begin)) * 100));
  const label = `${plural(restorable.length, 'range')} of moments since ${momentText(
    new Date(begin).toISOString(),
  )}, ${plural(changes.gaps.length, 'gap')}, ${plural(bases.length, 'backup')}`;
  return (
    <figure class="moments-line">
      <div class="moments-track" role="img" aria-label={label}>
        {restorable.map(({ from, to }) => (
          <span
            key={from}
            class="moments-stretch"
            style={{ left: `${at(from)}%`, width: `${Math.max(LEAST_WIDTH, at(to) - at(from))}%` }}
          />
        ))}
        {bases.map(({ key, at: begun }) => (
          <span key={key} class="moments-base" style={{ left: `${at(begun)}%` }} />
        ))}
      </div>
      <figcaption class="small soft">
        <span>{momentText(new Date(begin).toISOString())}</span>
        <span>now</span>
      </figcaption>
    </figure>
  );
}
