import { number, plural } from '../../../shared/core/plural.ts';
import { call } from '../../api/client.ts';
import { type Pages, usePages } from '../../ui/pages.ts';
import { Card, Facts, Note, PageHead } from '../../ui/parts.tsx';
import { Empty, FailureNote, Loading } from '../../ui/states.tsx';
import type { RetentionAnswer } from './answer.ts';
import { Decisions } from './decisions.tsx';
import { Room } from './room.tsx';

/** What the next prune would do, and why: removals first. */
export function Retention() {
  const goes = useDecisions('expiring');
  const stays = useDecisions('kept');
  const first = goes.pages.value[0];
  const failure = goes.failure.value;
  return (
    <div class="page">
      <PageHead title="Retention">
        <p class="soft">What the next prune would remove and keep, and why. This page changes nothing.</p>
      </PageHead>
      {failure && <FailureNote failure={failure} />}
      {first ? (
        <Plan answer={first} goes={goes} stays={stays} />
      ) : (
        !failure && (
          <Card isBare>
            <Loading lines={9} />
          </Card>
        )
      )}
    </div>
  );
}

function useDecisions(show: 'expiring' | 'kept'): Pages<RetentionAnswer> {
  return usePages(`retention ${show}`, (cursor) => call('retention', { query: { show, cursor } }));
}

function Plan({
  answer,
  goes,
  stays,
}: {
  readonly answer: RetentionAnswer;
  readonly goes: Pages<RetentionAnswer>;
  readonly stays: Pages<RetentionAnswer>;
}) {
  const { kept, expiring, refusal, blockedBy } = answer;
  if (kept + expiring === 0)
    return (
      <Card>
        <Empty title="No backups yet">
          <p>Once there are some, this page says which ones will be removed, when, and why.</p>
        </Empty>
      </Card>
    );
  return (
    <>
      {refusal !== null && (
        <Note tone="warn">
          <strong>The next prune would refuse.</strong>
          <span>{refusal}</span>
        </Note>
      )}
      {blockedBy !== null && (
        <Note tone="warn">
          <strong>The next prune would free nothing.</strong>
          <span>{blockedBy}</span>
        </Note>
      )}
      <Card
        title={expiring === 0 ? 'Nothing would be removed' : `${plural(expiring, 'backup')} would be removed`}
      >
        <Room bytes={answer.bytes} graceDays={answer.policy.graceDays} />
      </Card>
      {expiring > 0 && <Decisions title="What goes" of={goes} />}
      <Rules policy={answer.policy} />
      <Decisions title="What stays" of={stays} />
    </>
  );
}

function Rules({ policy }: Pick<RetentionAnswer, 'policy'>) {
  return (
    <Card title="Rules">
      <Facts
        facts={[
          ...Object.entries(policy.days).map(
            ([type, days]) =>
              [
                type === '*' ? 'Other types' : `Type ${type}`,
                days === 0 ? 'only by counts' : plural(days, 'day'),
              ] as const,
          ),
          ...Object.entries(policy.counts).map(([name, count]) => [`Keep ${name}`, number(count)] as const),
          ['Grace', plural(policy.graceDays, 'day')],
        ]}
      />
    </Card>
  );
}
