import type { Measured } from './measure.ts';
import { codeTable, megabytes, type Spread, showRatio, spread } from './report.ts';

/** One run of one step. */
export interface Sample extends Measured {
  readonly dataset: string;
  readonly tool: string;
  readonly step: string;
  readonly round: number;
  /** Bytes that the repository grew by. */
  readonly addedBytes: number;
}

type Figure = 'wallS' | 'cpuS' | 'peakBytes' | 'addedBytes';
const PEER = 'restic';

/** A tool's figure by restic's of the same round; undefined where either is missing, or restic's is 0. */
export function ratios(
  samples: readonly Sample[],
  step: string,
  { figure, tool = 'holdfast' }: { readonly figure: Figure; readonly tool?: string },
): Spread | undefined {
  const found = samples.flatMap((own) => {
    if (own.tool !== tool || own.step !== step) return [];
    const peer = samples.find((other) => other.tool === PEER && isSameStep(own, other));
    return peer && peer[figure] > 0 ? [own[figure] / peer[figure]] : [];
  });
  return found.length > 0 ? spread(found) : undefined;
}

function isSameStep(a: Sample, b: Sample): boolean {
  return a.dataset === b.dataset && a.step === b.step && a.round === b.round;
}

/** Samples of one dataset: medians of each step and tool. */
export function samplesTable(samples: readonly Sample[]): string {
  const unique = (key: 'step' | 'tool') => [...new Set(samples.map((sample) => sample[key]))];
  // Tools in the order of the first round.
  const rows = unique('step').flatMap((step) =>
    unique('tool').flatMap((tool) => {
      const own = samples.filter((sample) => sample.tool === tool && sample.step === step);
      if (own.length === 0) return [];
      const median = (figure: Figure) => spread(own.map((sample) => sample[figure])).median;
      return [
        [
          step,
          tool,
          median('wallS').toFixed(2),
          showRatio(ratios(samples, step, { figure: 'wallS', tool })),
          median('cpuS').toFixed(2),
          showRatio(ratios(samples, step, { figure: 'cpuS', tool })),
          (median('peakBytes') / 1e6).toFixed(0),
          megabytes(median('addedBytes')),
          step.startsWith('restore') ? '-' : showRatio(ratios(samples, step, { figure: 'addedBytes', tool })),
        ],
      ];
    }),
  );
  return codeTable(
    ['STEP', 'TOOL', 'WALL S', 'BY RESTIC', 'CPU S', 'BY RESTIC', 'PEAK MB', 'ADDED MB', 'BY RESTIC'],
    rows,
  );
}
