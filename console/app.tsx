import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import { outage, tryNow } from './api/connection.ts';
import { useStatus } from './api/status.ts';
import { type Entry, FIRST, MORE, OTHERS } from './navigation.ts';
import { place } from './routes.ts';
import { type ScreenId, screenOf } from './screen-paths.ts';
import { ApiKeys } from './screens/api-keys/api-keys.tsx';
import { Audit } from './screens/audit/audit.tsx';
import { Backup } from './screens/backups/backup.tsx';
import { Backups } from './screens/backups/backups.tsx';
import { ChangesOf } from './screens/changes/changes.tsx';
import { Configuration } from './screens/configuration.tsx';
import { Drill } from './screens/drills/drill.tsx';
import { Drills } from './screens/drills/drills.tsx';
import { RowHistory } from './screens/history/row-history.tsx';
import { More } from './screens/more.tsx';
import { Notifications } from './screens/notifications.tsx';
import { Overview } from './screens/overview/overview.tsx';
import { Restore } from './screens/restore/restore.tsx';
import { Retention } from './screens/retention/retention.tsx';
import { Compare } from './screens/rows/compare.tsx';
import { Rows } from './screens/rows/rows.tsx';
import { Run } from './screens/runs/run.tsx';
import { Runs } from './screens/runs/runs.tsx';
import { isInside, session, signOut } from './session/session.ts';
import { SignIn, SignInAgain } from './session/sign-in.tsx';
import { Button } from './ui/button.tsx';
import { Icon, Mark } from './ui/icon.tsx';
import { TimeOfDay } from './ui/moment.tsx';
import { PageHead } from './ui/parts.tsx';
import { Empty } from './ui/states.tsx';
import { Toasts } from './ui/toasts.tsx';

/** The whole page: signing in, or the screens. */
export function App() {
  if (session.value.kind === 'starting') return null;
  if (!isInside.value) return <SignIn />;
  return (
    <>
      <Shell />
      {session.value.kind === 'expired' && <SignInAgain />}
      <Toasts />
    </>
  );
}

/** The entry of the navigation that leads to a screen without one. */
const REACHED_FROM: Readonly<Record<string, string>> = {
  'api-keys': 'configuration',
  rows: 'backups',
  compare: 'backups',
  history: 'backups',
};

function Shell() {
  const [first = ''] = place.value.path.split('/');
  const area = REACHED_FROM[first] ?? first;
  const isOther = [MORE, ...OTHERS].some(({ path }) => path === area);
  // each place begins at its top
  useEffect(() => scrollTo(0, 0), [place.value.path]);
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the content
      </button>
      <div class="shell">
        <header class="side">
          <a class="brand" href="#/">
            <Mark /> Holdfast
          </a>
          <nav class="nav" aria-label="Screens">
            {FIRST.map((entry) => (
              <NavLink key={entry.path} {...entry} isCurrent={entry.path === area} />
            ))}
            {OTHERS.map((entry) => (
              <NavLink key={entry.path} {...entry} isCurrent={entry.path === area} look="nav-other" />
            ))}
            <NavLink {...MORE} isCurrent={isOther} look="nav-more" />
          </nav>
          <Button look="primary" icon="restore" href="#/restore">
            Restore
          </Button>
          <Caller />
        </header>
        <div>
          <OutageBar />
          <main id="main" class="main" tabIndex={-1}>
            <Screen />
          </main>
        </div>
      </div>
    </>
  );
}

function NavLink({
  path,
  name,
  icon,
  isCurrent,
  look,
}: Entry & { readonly isCurrent: boolean; readonly look?: string }) {
  return (
    <a class={look} href={`#/${path}`} aria-current={isCurrent ? 'page' : undefined}>
      <Icon name={icon} />
      {name}
    </a>
  );
}

/** The signed-in user and their roles. */
function Caller() {
  const status = useStatus().value.value;
  if (!status) return <div class="side-foot" />;
  const { caller, version } = status;
  return (
    <div class="side-foot">
      <div>
        <div class="clip" title={caller.name}>
          {caller.name}
        </div>
        <div class="faint">{caller.roles.join(', ') || 'no role'}</div>
      </div>
      <div class="row">
        <Button look="quiet" onClick={() => void signOut()}>
          Sign out
        </Button>
        <span class="faint">{version}</span>
      </div>
    </div>
  );
}

/** Says that the API does not respond, how old the screen is, and when it will try again. */
function OutageBar() {
  const now = outage.value;
  return (
    <div role="alert">
      {now && (
        <div class="bar">
          <span>
            The API does not respond.{' '}
            {now.lastAnswerAt && (
              <>
                You see data from <TimeOfDay at={now.lastAnswerAt} />.{' '}
              </>
            )}
            Next try at <TimeOfDay at={now.nextTryAt} />.
          </span>
          <Button onClick={tryNow}>Try now</Button>
        </div>
      )}
    </div>
  );
}

/** The name is the key of a view: nothing of one backup stays when the next one is opened. */
const VIEWS: Readonly<Record<ScreenId, (name: string) => VNode>> = {
  overview: () => <Overview />,
  backups: () => <Backups />,
  backup: (name) => <Backup key={name} name={name} />,
  rows: (name) => <Rows key={name} name={name} />,
  compare: (name) => <Compare key={name} name={name} />,
  history: () => <RowHistory />,
  changes: (name) => <ChangesOf key={name} source={name} />,
  restore: () => <Restore name={undefined} />,
  restoreOf: (name) => <Restore name={name} />,
  runs: () => <Runs />,
  run: (id) => <Run key={id} id={id} />,
  drills: () => <Drills />,
  drill: (name) => <Drill key={name} name={name} />,
  retention: () => <Retention />,
  notifications: () => <Notifications />,
  audit: () => <Audit />,
  apiKeys: () => <ApiKeys />,
  configuration: () => <Configuration />,
  more: () => <More />,
};

function Screen() {
  const screen = screenOf(place.value.path);
  if (screen) return VIEWS[screen.id](screen.name);
  return (
    <div class="page">
      <PageHead title="Not found" />
      <Empty title="There is no such screen">
        <p>
          <a href="#/">Back to the overview</a>
        </p>
      </Empty>
    </div>
  );
}
