import type { ObjectStore } from '../store/object-store.ts';

/** An open repository. */
export interface Repository extends AsyncDisposable {
  readonly id: string;
  readonly store: ObjectStore;
}
