import type { NodePath } from '../connection/paths.ts';
import type { Selection } from './selection.ts';

/** A selection and where it goes. */
export interface PlacedSelection extends Selection {
  /** From the root of the target database. */
  readonly place: NodePath;
  /** As it is called in plans and comparisons. */
  readonly name: string;
  readonly records: number;
  readonly plainBytes: number;
}
