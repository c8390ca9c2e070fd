import type { ComponentChildren } from 'preact';
import { depthName } from '../../../shared/core/backup-words.ts';
import { duration } from '../../../shared/core/human.ts';
import { number, plural } from '../../../shared/core/plural.ts';
import { SECOND_MS } from '../../../shared/core/units.ts';
import type { SourceState, Status } from '../../api/status.ts';
import { backupHref, restoreHref } from '../../routes.ts';
import { Icon, type IconName } from '../../ui/icon.tsx';
import { Ago, Moment } from '../../ui/moment.tsx';
import { Badge, Card } from '../../ui/parts.tsx';
import { kindName, shortSource } from '../../ui/source-name.tsx';
import { changesHref } from '../changes/answer.ts';
import { LEVELS } from './verdict.tsx';

/** A source at a glance: newest good backup, verification, drill, next run. */
export function SourceCard({ state, status }: { readonly state: SourceState; readonly status: Status }) {
  const { source, backups, newestGood, lastVerify, lastDrill } = state;
  return (
    <Card
      title={shortSource(source.name)}
      isBare
      aside={
        <span class="row">
          <Badges state={state} />
          <span class="small faint">
            {kindName(source.kind)} · {plural(backups, 'backup')}
          </span>
        </span>
      }
    >
      <dl class="tiles">
        <Tile icon="backups" name="Newest good backup">
          {newestGood ? (
            <>
              <Big>
                <a href={backupHref(newestGood.key)}>
                  <Ago at={newestGood.startedAt} />
                </a>
              </Big>
              <Small>
                {newestGood.type}, <Moment at={newestGood.startedAt} />
              </Small>
              <Locked lock={status.locked?.find(({ backup }) => backup === newestGood.key)} />
            </>
          ) : (
            <Big tone="bad">None</Big>
          )}
        </Tile>
        <Tile icon="verify" name="Last verification">
          {lastVerify ? (
            <>
              <Big {...(lastVerify.isWhole ? {} : { tone: 'bad' as const })}>
                {lastVerify.isWhole ? <Ago at={lastVerify.at} /> : 'Damage found'}
              </Big>
              <Small>
                {depthName(lastVerify.depth)},{' '}
                <a href={backupHref(lastVerify.key)}>{lastVerify.isWhole ? 'whole' : 'look'}</a>
              </Small>
            </>
          ) : (
            <Big tone="warn">Never</Big>
          )}
        </Tile>
        <Tile icon="drill" name="Last drill">
          <Drill drill={lastDrill} />
        </Tile>
        {state.continuous && (
          <Tile icon="clock" name="Any moment">
            <Reach continuous={state.continuous} source={source.name} />
          </Tile>
        )}
        <Tile icon="clock" name="Next run">
          <NextRun state={state} status={status} />
        </Tile>
      </dl>
    </Card>
  );
}

/** Until when nobody can remove it. If there are many packs, only a sample is checked. */
function Locked({ lock }: { readonly lock: NonNullable<Status['locked']>[number] | undefined }) {
  if (!lock) return null;
  const { until, mode, objects, asked, problem } = lock;
  if (problem !== null) return <dd class="small ink-warn">Its lock is not known: {problem}</dd>;
  if (until === null) return <dd class="small ink-warn">Not locked: somebody could remove what it needs</dd>;
  const but = mode === 'governance' ? ' without a right to lift locks' : '';
  const title =
    asked < objects
      ? `A random sample of ${number(asked)} of ${plural(objects, 'object')} was checked; holdfast status checks all.`
      : `The locks of all ${plural(objects, 'object')} were checked.`;
  return (
    <dd class="small soft" title={title}>
      Nobody can remove it{but} before <Moment at={until} />
    </dd>
  );
}

/** What deserves attention. */
function Badges({ state }: { readonly state: SourceState }) {
  const { source, newestGood, level, isConfigured, lastRun, failed, waiting, held } = state;
  return (
    <>
      <Badge tone={LEVELS[level].tone} icon={LEVELS[level].icon}>
        {LEVELS[level].name}
      </Badge>
      {!isConfigured && <Badge>No longer configured</Badge>}
      {lastRun && lastRun.outcome !== 'succeeded' && lastRun.outcome !== 'suspect' && (
        <Badge tone="bad" title={lastRun.code ?? undefined}>
          Last run {lastRun.outcome === 'failed' ? 'failed' : 'died'}
        </Badge>
      )}
      {failed.length > 0 && <Badge tone="bad">{number(failed.length)} damaged</Badge>}
      {waiting.length > 0 && <Badge tone="warn">{number(waiting.length)} suspect</Badge>}
      {held.length > 0 && <Badge tone="info">{number(held.length)} held</Badge>}
      {newestGood && (
        <a class="small" href={`${restoreHref()}?source=${encodeURIComponent(source.name)}`}>
          Restore {shortSource(source.name)}
        </a>
      )}
    </>
  );
}

function Drill({ drill }: { readonly drill: SourceState['lastDrill'] }) {
  if (!drill) return <Big tone="warn">Never</Big>;
  const { outcome, restoreMs, at, key } = drill;
  return (
    <>
      <Big {...(outcome === 'equal' ? {} : { tone: 'bad' as const })}>
        {outcome === 'equal' ? `Restored in ${duration(restoreMs)}` : `Ended ${outcome}`}
      </Big>
      <Small>
        <a href={backupHref(key)}>
          <Ago at={at} />
        </a>
        {outcome === 'equal' && ', equal to the backup'}
      </Small>
    </>
  );
}

/** How far stored changes reach, against what is agreed. */
function Reach({
  continuous: { lagSeconds, agreedSeconds, isMet, sentence },
  source,
}: {
  readonly continuous: NonNullable<SourceState['continuous']>;
  readonly source: string;
}) {
  const said = lagSeconds === null ? 'Not known' : `${duration(lagSeconds * SECOND_MS)} behind`;
  return (
    <>
      <Big {...(isMet ? {} : { tone: 'warn' as const })}>
        <a href={changesHref(source)}>{said}</a>
      </Big>
      <Small>{isMet ? `at most ${duration(agreedSeconds * SECOND_MS)} agreed` : sentence}</Small>
    </>
  );
}

function NextRun({ state, status }: { readonly state: SourceState; readonly status: Status }) {
  const [next] = status.schedules
    .filter(({ source, nextAt }) => nextAt !== null && source === state.source.name)
    .toSorted((a, b) => (a.nextAt ?? '').localeCompare(b.nextAt ?? ''));
  if (!next?.nextAt)
    return (
      <>
        <Big>Not known</Big>
        <Small>No schedule is configured here.</Small>
      </>
    );
  return (
    <>
      <Big>
        <Ago at={next.nextAt} />
      </Big>
      <Small>
        {next.type}, <Moment at={next.nextAt} />
      </Small>
    </>
  );
}

function Tile({
  icon,
  name,
  children,
}: {
  readonly icon: IconName;
  readonly name: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div class="tile">
      <dt>
        <Icon name={icon} />
        {name}
      </dt>
      {children}
    </div>
  );
}

function Big({ tone, children }: { readonly tone?: 'warn' | 'bad'; readonly children: ComponentChildren }) {
  return <dd class={`big ${tone === undefined ? '' : `ink-${tone}`}`}>{children}</dd>;
}

function Small({ children }: { readonly children: ComponentChildren }) {
  return <dd class="small soft">{children}</dd>;
}
