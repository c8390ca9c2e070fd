import { useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import { type Status, useRefusal } from '../../api/status.ts';
import { backupHref, backupName, go } from '../../routes.ts';
import { Button } from '../../ui/button.tsx';
import { Icon, type IconName } from '../../ui/icon.tsx';
import { Ago } from '../../ui/moment.tsx';
import type { Tone } from '../../ui/parts.tsx';
import { tell } from '../../ui/toasts.tsx';

type Verdict = Status['verdict'];
type Level = Verdict['level'];
type Action = NonNullable<Verdict['steps'][number]['action']>;

export const LEVELS: Readonly<
  Record<Level, { readonly tone: Tone; readonly icon: IconName; readonly name: string }>
> = {
  protected: { tone: 'good', icon: 'good', name: 'Protected' },
  unknown: { tone: 'warn', icon: 'clock', name: 'Unknown' },
  'at-risk': { tone: 'warn', icon: 'attention', name: 'At risk' },
  unprotected: { tone: 'bad', icon: 'bad', name: 'Unprotected' },
};

/** Whether one would get one's data back: a sentence, a colour, and what to do, each with its button. */
export function VerdictCard({ status }: { readonly status: Status }) {
  const { level, sentence, steps, lookedAt, at } = status.verdict;
  const { tone, icon } = LEVELS[level];
  return (
    <section class={`verdict tone-${tone}`} aria-label="Am I safe?">
      <Icon name={icon} />
      <div>
        <h2>{sentence}</h2>
        {steps.length > 0 && (
          <ul class="steps">
            {steps.map((step) => (
              <li key={step.text}>
                <span>{step.text}</span>
                {step.action && <StepButton action={step.action} status={status} />}
              </li>
            ))}
          </ul>
        )}
        <p class="small soft">
          Looked at {lookedAt.join(', ')}, <Ago at={at} />.
        </p>
      </div>
    </section>
  );
}

/** Begins what a step says. Nothing for what the API cannot do. */
function StepButton({ action, status }: { readonly action: Action; readonly status: Status }) {
  const [isBusy, setBusy] = useState(false);
  const refusal = useRefusal('operator');
  const why = refusal ?? (isBusy ? 'It is being begun.' : whyNot(action, status));
  if (action.kind === 'lock' || action.kind === 'copy') return null;
  if (action.kind === 'accept') {
    const [key = ''] = action.backups;
    return (
      <Button look="quiet" icon="check" href={backupHref(key)}>
        Look and accept {backupName(key)}
      </Button>
    );
  }
  const begin = async () => {
    setBusy(true);
    try {
      const { run } = await started(action);
      go(`runs/${run}`);
    } catch (error) {
      tell(error instanceof Error ? error.message : 'It could not be begun.');
    } finally {
      setBusy(false);
    }
  };
  const { icon, name } = BUTTONS[action.kind];
  return (
    <Button icon={icon} why={why} onClick={() => void begin()}>
      {name(action)}
    </Button>
  );
}

const of = (action: Action) => ('source' in action ? action.source : '');
const BUTTONS = {
  backup: { icon: 'play', name: (action: Action) => `Back up ${of(action)}` },
  verify: { icon: 'verify', name: () => 'Verify' },
  drill: { icon: 'drill', name: () => 'Drill' },
} as const;

function started(
  action: Action & { readonly kind: 'backup' | 'verify' | 'drill' },
): Promise<{ run: string }> {
  if (action.kind === 'backup') return call('create', { body: { source: action.source } });
  const backup = backupName(action.backup);
  if (action.kind === 'verify') return call('verify', { body: { backup, depth: 'full' } });
  return call('drill', { body: { backup } });
}

function whyNot(action: Action, { configured }: Status): string | undefined {
  if (action.kind !== 'backup') return undefined;
  const isConfigured = configured.sources.some(({ name }) => name === action.source);
  return isConfigured ? undefined : 'The source is not in the configuration.';
}
