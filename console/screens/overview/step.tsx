import { useState } from 'preact/hooks';
import { backupName } from '../../../shared/core/backup-words.ts';
import { call } from '../../api/client.ts';
import { type Status, useRefusal } from '../../api/status.ts';
import { backupHref, go } from '../../routes.ts';
import { backupMoment } from '../../ui/backup-link.tsx';
import { Button } from '../../ui/button.tsx';
import { CommandLine } from '../../ui/command.tsx';
import { tell } from '../../ui/toasts.tsx';
import { beginnable, type Step, type StepAction } from './steps.ts';

/** The action of a step; if the console cannot do it, the command that does. */
export function StepRemedy({ step, status }: { readonly step: Step; readonly status: Status }) {
  const action = beginnable(step, status);
  if (!action) return <CommandLine text={step.command} />;
  if (action.kind === 'accept') {
    const [key = ''] = action.backups;
    return (
      <Button look="quiet" icon="check" href={backupHref(key)}>
        Review and accept {backupMoment(key)}
      </Button>
    );
  }
  return <Begin action={action} />;
}

type Begun = Exclude<StepAction, { readonly kind: 'accept' }>;

function Begin({ action }: { readonly action: Begun }) {
  const [isBusy, setBusy] = useState(false);
  const refusal = useRefusal('operator');
  const begin = async () => {
    setBusy(true);
    try {
      const { run } = await started(action);
      go(`runs/${run}`);
    } catch (error) {
      tell(error instanceof Error ? error.message : 'It could not be started.', 'bad');
    } finally {
      setBusy(false);
    }
  };
  const { icon, name } = BUTTONS[action.kind];
  return (
    <Button
      icon={icon}
      why={refusal ?? (isBusy ? 'It is starting.' : undefined)}
      onClick={() => void begin()}
    >
      {name(action)}
    </Button>
  );
}

const BUTTONS = {
  backup: { icon: 'play', name: (action: Begun) => `Back up ${'source' in action ? action.source : ''}` },
  verify: { icon: 'verify', name: () => 'Verify' },
  drill: { icon: 'drill', name: () => 'Drill' },
  lock: { icon: 'hold', name: () => 'Lock now' },
  copy: { icon: 'copy', name: (action: Begun) => `Copy to ${'place' in action ? action.place : ''}` },
} as const;

function started(action: Begun): Promise<{ run: string }> {
  switch (action.kind) {
    case 'backup': {
      const { kind: _, ...body } = action;
      return call('create', { body });
    }
    case 'verify':
      return call('verify', { body: { backup: backupName(action.backup), depth: 'full' } });
    case 'drill':
      return call('drill', { body: { backup: backupName(action.backup) } });
    case 'lock':
      return call('lock', { body: {} });
    case 'copy':
      return call('copy', { body: { place: action.place } });
  }
}
