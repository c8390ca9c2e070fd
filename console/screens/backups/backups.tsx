import { useEffect, useMemo, useState } from 'preact/hooks';
import type { BackupStateName } from '../../../shared/api/schema/backup-search.ts';
import { bytes } from '../../../shared/core/human.ts';
import { number, plural } from '../../../shared/core/plural.ts';
import { revivals } from '../../api/connection.ts';
import { useStatus } from '../../api/status.ts';
import type { Backup } from '../../api/types.ts';
import { backupHref, place, replacePlace } from '../../routes.ts';
import { BackupState } from '../../ui/backup-state.tsx';
import { Button } from '../../ui/button.tsx';
import { When } from '../../ui/moment.tsx';
import { Badge, PageHead } from '../../ui/parts.tsx';
import { SourceName } from '../../ui/source-name.tsx';
import { Empty, FailureNote, Loading } from '../../ui/states.tsx';
import { VirtualList } from '../../ui/virtual-list.tsx';
import { BackUpNow } from './back-up-now.tsx';
import { type BackupList, keptList, STATES } from './backup-list.ts';
import { Filters } from './filters.tsx';
import { FirstBackups } from './first-backups.tsx';

const RENEW_MS = 120_000;
const SETTLED_MS = 250;
const HEIGHTS = { wide: 54, phone: 88 };
const HEAD = ['Started', 'Type', 'Source', 'Records', 'Size', 'New', 'State'] as const;
const NUMBERS: ReadonlySet<string> = new Set(['Records', 'Size', 'New']);

/** The screen of all backups, filtered by what the address says. */
export function Backups() {
  const { query } = place.value;
  const of = (name: string) => query.get(name) ?? '';
  const [type, source, from, to] = [of('type'), of('source'), of('from'), of('to')];
  const state = of('state') in STATES ? (of('state') as BackupStateName) : undefined;
  const q = useSettled(of('q').trim());
  const list = useMemo(
    () => keptList({ type, source, q, state, from, to }),
    [type, source, q, state, from, to],
  );
  useLoading(list);
  return (
    <div class="page">
      <PageHead title="Backups" actions={<BackUpNow />} />
      <section class="card" aria-label="All backups">
        <Filters query={query} />
        {list.failure.value && <FailureNote failure={list.failure.value} />}
        <Found list={list} />
        <Foot list={list} />
      </section>
    </div>
  );
}

/** A text once typing pauses: each value is a request to the server. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return text === '' ? text : settled;
}

/** Loads the first page, and checks for new ones now and then. */
function useLoading(list: BackupList): void {
  const isBack = revivals.value;
  // load again when the API is back
  useEffect(() => {
    if (list.isFirst.value) void list.more();
  }, [list, isBack]);
  // for instance when going back to it
  useEffect(() => {
    if (!list.isFirst.value) void list.renew();
  }, [list]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) void list.renew();
    }, RENEW_MS);
    return () => clearInterval(timer);
  }, [list]);
}

function Found({ list }: { readonly list: BackupList }) {
  const found = list.backups.value;
  const isSearch = place.value.query.has('q') || place.value.query.has('state');
  const total = useStatus().value.value?.backups;
  if (list.isFirst.value) return list.failure.value ? null : <Loading lines={9} />;
  if (found.length === 0)
    return list.isWhole.value ? (
      place.value.query.size === 0 ? (
        <FirstBackups />
      ) : (
        <Empty title={isSearch ? 'No backup matches' : 'No backups'}>
          <p>Use fewer filters above.</p>
          <Button onClick={() => replacePlace('backups', new URLSearchParams())}>Clear filters</Button>
        </Empty>
      )
    ) : (
      <Loading lines={9} />
    );
  return (
    <VirtualList
      label="Backups, newest first"
      memory={list.place}
      head={HEAD.map((name) => (
        <span key={name} class={NUMBERS.has(name) ? 'number-head' : ''}>
          {name}
        </span>
      ))}
      rows={found}
      total={place.value.query.size > 0 ? found.length : total}
      keyOf={({ key }) => key}
      heights={HEIGHTS}
      onNearEnd={() => void list.more()}
    >
      {(backup) => <Row backup={backup} />}
    </VirtualList>
  );
}

function Row({ backup }: { readonly backup: Backup }) {
  const { key, startedAt, type, source, records, plainBytes, storedBytes } = backup;
  return (
    <>
      <span class="clip">
        <When at={startedAt} href={backupHref(key)} class="open" />
      </span>
      <span>
        <Badge>{type}</Badge>
      </span>
      <span class="wide clip">
        <SourceName source={source} />
      </span>
      <span class="wide number">
        <span class="unseen">Records </span>
        {number(records)}
      </span>
      <span class="wide number">
        <span class="unseen">Size </span>
        {bytes(plainBytes)}
      </span>
      <span class="wide number">
        <span class="unseen">New </span>
        {bytes(storedBytes)}
      </span>
      <span class="cell-state">
        <BackupState backup={backup} isShort />
      </span>
    </>
  );
}

function Foot({ list }: { readonly list: BackupList }) {
  const loaded = list.backups.value.length;
  const total = useStatus().value.value?.backups ?? 0;
  const ofTotal = place.value.query.size > 0 && loaded < total ? `${number(loaded)} of ` : '';
  const said = list.isWhole.value
    ? `${ofTotal}${plural(ofTotal === '' ? loaded : total, 'backup')}`
    : `${number(loaded)} loaded; the rest loads as you scroll`;
  return (
    <div class="list-foot" role="status">
      <span>{said}</span>
      {list.isLoading.value && <span>Loading more …</span>}
    </div>
  );
}
