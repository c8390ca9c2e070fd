import { cases } from '../../../support/repository/torture.ts';

/** Every version with every version, itself too; in the long form 1,000 random pairs of many versions. @param random from 0 to 1 */
export function versionPairs(versions: number, random: () => number): readonly (readonly [number, number])[] {
  const most = cases(Infinity, Infinity, 1000);
  const pick = () => Math.floor(random() * versions);
  if (versions ** 2 > most) return Array.from({ length: most }, () => [pick(), pick()] as const);
  const all = Array.from({ length: versions }, (_, version) => version);
  return all.flatMap((a) => all.map((b) => [a, b] as const));
}
