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

/** Which figure of which tool is divided by whose. */
export interface Ratio {
  readonly step: string;
  readonly figure: Figure;
  readonly tool: string;
  /** The tool that is divided by. */
  readonly peer: string;
  /** Its step. @default the same */
  readonly peerStep?: string;
}

/**
 * A tool's figure by its peer's of the same dataset and round; undefined if either is missing, or the peer's
 * is 0.
 */
export function ratios(samples: readonly Sample[], of: Ratio): Spread | undefined {
  const { step, figure, tool, peer, peerStep = step } = of;
  const found = samples.flatMap((own) => {
    if (own.tool !== tool || own.step !== step) return [];
    const other = samples.find(
      ({ tool: name, step: others, dataset, round }) =>
        name === peer && others === peerStep && dataset === own.dataset && round === own.round,
    );
    return other && other[figure] > 0 ? [own[figure] / other[figure]] : [];
  });
  return found.length > 0 ? spread(found) : undefined;
}

/** Samples of one dataset: medians of each step and tool, and ratios to a peer. */
export function samplesTable(
  samples: readonly Sample[],
  peer: { readonly name: string; readonly title: string },
): string {
  const unique = (key: 'step' | 'tool') => [...new Set(samples.map((sample) => sample[key]))];
  const rows = unique('step').flatMap((step) =>
    unique('tool').flatMap((tool) => {
      const own = samples.filter((sample) => sample.tool === tool && sample.step === step);
      if (own.length === 0) return [];
      const median = (figure: Figure) => spread(own.map((sample) => sample[figure])).median;
      const ratio = (figure: Figure) => showRatio(ratios(samples, { step, figure, tool, peer: peer.name }));
      return [
        [
          step,
          tool,
          median('wallS').toFixed(2),
          ratio('wallS'),
          median('cpuS').toFixed(2),
          ratio('cpuS'),
          (median('peakBytes') / 1e6).toFixed(0),
          ...(step.startsWith('restore')
            ? ['-', '-']
            : [megabytes(median('addedBytes')), ratio('addedBytes')]),
        ],
      ];
    }),
  );
  const { title } = peer;
  return codeTable(['STEP', 'TOOL', 'WALL S', title, 'CPU S', title, 'PEAK MB', 'ADDED MB', title], rows);
}
