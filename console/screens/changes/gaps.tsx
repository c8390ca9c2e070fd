import { backupName } from '../../../shared/core/backup-words.ts';
import { backupHref } from '../../routes.ts';
import { Moment } from '../../ui/moment.tsx';
import { Badge } from '../../ui/parts.tsx';
import { ScrollX } from '../../ui/scroll-x.tsx';
import type { Changes } from './answer.ts';

/** Moments that cannot be restored, and what healed each. */
export function Gaps({ changes: { gaps, baseDue } }: { readonly changes: Changes }) {
  if (gaps.length === 0 && baseDue === null)
    return (
      <p class="card-body">
        <Badge tone="good">None</Badge> Stored changes follow each other without a gap.
      </p>
    );
  return (
    <ScrollX label="Gaps">
      {baseDue !== null && (
        <p class="card-body">
          <Badge tone="warn">Open</Badge> {baseDue}.
        </p>
      )}
      {gaps.length > 0 && (
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Between</th>
              <th scope="col">And</th>
              <th scope="col">Why</th>
              <th scope="col">Healed by</th>
            </tr>
          </thead>
          <tbody>
            {gaps.map((gap) => (
              <Gap key={gap.to} gap={gap} />
            ))}
          </tbody>
        </table>
      )}
    </ScrollX>
  );
}

function Gap({ gap: { from, to, why, says, healedBy } }: { readonly gap: Changes['gaps'][number] }) {
  return (
    <tr>
      <td>{from === null ? 'the start' : <Moment at={from} />}</td>
      <td>
        <Moment at={to} />
      </td>
      <td>
        <Badge tone={why === 'gap' ? 'bad' : 'warn'}>
          {why === 'gap' ? 'Changes are lost' : 'Tables were altered'}
        </Badge>{' '}
        <span class="small soft">{says}</span>
      </td>
      <td>
        {healedBy === null ? (
          <Badge tone="warn">no backup yet</Badge>
        ) : (
          <a href={backupHref(healedBy)}>{backupName(healedBy)}</a>
        )}
      </td>
    </tr>
  );
}
