import type { ComponentChildren } from 'preact';
import { depthName } from '../../../shared/core/backup-words.ts';
import { duration } from '../../../shared/core/human.ts';
import { Icon, type IconName } from '../../ui/icon.tsx';
import { Moment } from '../../ui/moment.tsx';
import type { Detail } from './detail.ts';

type Entry = Detail['history'][number];

/** How to show each kind of report. */
const KINDS: Readonly<Record<Entry['kind'], readonly [IconName, (entry: Entry) => ComponentChildren]>> = {
  hold: ['hold', ({ reason }) => <>Held: {reason}</>],
  release: ['hold', ({ reason }) => <>Released: {reason}</>],
  accept: ['check', ({ reason }) => <>Accepted: {reason}</>],
  verify: ['verify', verified],
  drill: ['drill', drilled],
  repair: ['check', () => 'Repaired'],
  audit: ['audit', ({ action }) => <>{action ?? 'requested by'}</>],
};

/** What was done with a backup: verifications, drills, holds, decisions. */
export function History({ history }: { readonly history: Detail['history'] }) {
  if (history.length === 0) return <p class="soft">Nothing has happened to it since it was made.</p>;
  return (
    <ul class="timeline">
      {history.map((entry) => {
        const [icon, describe] = KINDS[entry.kind];
        return (
          <li key={`${entry.report} ${entry.kind}`}>
            <Icon name={icon} />
            <div>
              <div>{describe(entry)}</div>
              <div class="small faint">
                <Moment at={entry.at} />
                {entry.by !== undefined && `, ${entry.by}`}
              </div>
            </div>
          </li>
        );
      })}
    </ul>
  );
}

function verified({ depth, isWhole }: Entry) {
  return isWhole === false ? (
    <strong class="ink-bad">Verified ({depth ? depthName(depth) : ''}): damage found</strong>
  ) : (
    <>Verified ({depth ? depthName(depth) : ''}): whole</>
  );
}

function drilled({ outcome, restoreMs }: Entry) {
  return outcome === 'equal' ? (
    <>Drilled: restored in {duration(restoreMs ?? 0)}, equal to the backup</>
  ) : (
    <strong class="ink-bad">Drill: {outcome}</strong>
  );
}
