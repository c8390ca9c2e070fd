import type { Status } from '../../api/status.ts';
import { Icon, type IconName } from '../../ui/icon.tsx';
import { Ago } from '../../ui/moment.tsx';
import type { Tone } from '../../ui/parts.tsx';
import { StepRemedy } from './step.tsx';

type Verdict = Status['verdict'];
type Level = Verdict['level'];

/** How a verdict looks and is called. */
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
          <ul class="todo">
            {steps.map((step) => (
              <li key={step.text}>
                <span>{step.text}</span>
                <StepRemedy step={step} status={status} />
              </li>
            ))}
          </ul>
        )}
        <p class="small soft">
          Checked {lookedAt.join(', ')}, <Ago at={at} />.
        </p>
      </div>
    </section>
  );
}
