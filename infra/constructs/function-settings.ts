import type { HoldfastConfig, ResolvedConfig } from '../../shared/core/config.ts';

/** Lambda's limit on all variables of a function is 4096 bytes. */
const MOST_BYTES = 3400;

/**
 * The part of a configuration that functions read, as the value of HOLDFAST_CONFIG. What is deployed is left out, and what
 * only a command line knows.
 *
 * @throws where it is too long for a function's environment
 */
export function functionConfig(file: HoldfastConfig): string {
  const { repository: _, kmsKey: __, keyFile: ___, s3: ____, aws = {}, ...engine } = file;
  const { shareMiB, maxConcurrency, fargate, alarms, jobs, network } = aws;
  const ofFunctions = definedOf({
    shareMiB,
    maxConcurrency,
    alarms,
    jobs,
    // Fargate is refused without a network.
    ...(fargate ? { fargate, network } : {}),
  });
  const text = JSON.stringify({
    ...engine,
    ...(Object.keys(ofFunctions).length > 0 ? { aws: ofFunctions } : {}),
  });
  const bytes = Buffer.byteLength(text);
  if (bytes <= MOST_BYTES) return text;
  throw new Error(
    `the configuration takes ${bytes} bytes, and functions can be given ${MOST_BYTES}; make fewer sources a deployment`,
  );
}

/** ARNs of the secrets of databases, by what needs them. */
export interface Secrets {
  readonly sources: readonly string[];
  readonly targets: readonly string[];
  readonly drills: readonly string[];
}

export function secretsOf({ sources, targets, drill }: ResolvedConfig): Secrets {
  const arns = (places: readonly ({ readonly secret?: string } | undefined)[]) => [
    ...new Set(places.flatMap((place) => (place?.secret === undefined ? [] : [place.secret]))),
  ];
  return { sources: arns(sources), targets: arns(targets), drills: arns(Object.values(drill)) };
}

function definedOf<T extends object>(given: T): Partial<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>;
}
