import type { OnProgress } from '../shared/core/progress.ts';
import { SECOND_MS } from '../shared/core/units.ts';
import { WorkMeter, type WorkTotal } from '../shared/core/work-meter.ts';
import { bytes, number, table } from './format.ts';
import { PHASE_WORDS } from './progress-text.ts';
import type { CommandSession } from './session.ts';

/** The option that asks for a profile. */
export const PROFILE_OPTION = { profile: { type: 'boolean', default: false } } as const;
/** Its line of help. */
export const PROFILE_HELP = `      --profile           also print where the time went: by phase of the run, and by kind of work
`;

/** How long one part of a run took. */
interface PhaseTime {
  readonly phase: string;
  readonly wallMs: number;
  /** Of the whole process, all its threads. */
  readonly cpuMs: number;
}

/** Where the time of a run went, as `--json` has it. */
export interface ProfileDocument {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly phases: readonly PhaseTime[];
  readonly work: readonly (Omit<WorkTotal, 'cpuMs'> & { readonly cpuMs: number | null })[];
}

/** Time from the start of the process on. Without `--profile` there is none: `profileOf`. */
export class Profile {
  /** For the repository that the run works on. */
  readonly meter = new WorkMeter();
  readonly #phases: PhaseTime[] = [];
  /** Where the current phase began; the first is all before the job. */
  #since = { phase: 'start', wallMs: 0, cpuMs: 0 };

  /** Listens to the progress of the job. */
  readonly on: OnProgress = (event) => {
    if (event.kind === 'phase') this.#begin(event.phase);
  };

  /** Once the job is done. Its threads must be running still. */
  async document({ repository }: CommandSession): Promise<ProfileDocument> {
    this.#begin('end');
    const work = (await repository.workTotals()).map((total) => ({ ...total, cpuMs: total.cpuMs ?? null }));
    const sum = (of: (phase: PhaseTime) => number) => this.#phases.reduce((all, one) => all + of(one), 0);
    return {
      wallMs: sum(({ wallMs }) => wallMs),
      cpuMs: sum(({ cpuMs }) => cpuMs),
      phases: this.#phases,
      work,
    };
  }

  #begin(phase: string): void {
    const now = { phase, wallMs: performance.now(), cpuMs: processCpuMs() };
    const before = this.#since;
    this.#phases.push({
      phase: before.phase,
      wallMs: now.wallMs - before.wallMs,
      cpuMs: now.cpuMs - before.cpuMs,
    });
    this.#since = now;
  }
}

/** Undefined if the flags do not ask for one. */
export function profileOf({ profile }: { readonly profile?: boolean | undefined }): Profile | undefined {
  return profile === true ? new Profile() : undefined;
}

/** Two tables, for people. */
export function profileText({ wallMs, cpuMs, phases, work }: ProfileDocument): string {
  const rows = [...phases, { phase: 'total', wallMs, cpuMs }].map((one) => [
    nameOf(one.phase),
    seconds(one.wallMs),
    seconds(one.cpuMs),
  ]);
  const counted = work.reduce((sum, { cpuMs: ofWork }) => sum + (ofWork ?? 0), 0);
  const kinds = work.map((one) => [
    one.work,
    seconds(one.wallMs),
    one.cpuMs === null ? '-' : seconds(one.cpuMs),
    number(one.times),
    bytes(one.bytes),
  ]);
  const others = ['all else', '-', seconds(Math.max(0, cpuMs - counted)), '-', '-'];
  return `
${table(['PHASE', 'SECONDS', 'CPU'], rows)}
${table(['WORK', 'SECONDS', 'CPU', 'TIMES', 'BYTES'], [...kinds, others])}Work of all threads together: seconds add up to more than the run took. read, put and get wait.
`;
}

function nameOf(phase: string): string {
  if (phase === 'start') return 'starting';
  return phase in PHASE_WORDS ? PHASE_WORDS[phase as keyof typeof PHASE_WORDS] : phase;
}

function seconds(ms: number): string {
  return (ms / SECOND_MS).toFixed(3);
}

function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
