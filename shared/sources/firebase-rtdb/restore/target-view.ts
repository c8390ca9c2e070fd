import type { FirebaseConnection } from '../connection/connection.ts';
import type { FirebaseOptions } from '../connection/options.ts';
import { ServerHabits } from '../connection/server-habits.ts';
import { EtagNotes, NoteBudget } from '../etags/etag-notes.ts';
import { EtagProbe } from '../etags/etags.ts';
import { DatasetReader } from '../reading/dataset-reader.ts';
import { roleOf } from '../reading/datasets.ts';
import { readPriority } from '../reading/node-reads.ts';
import { recordLine } from '../text/json.ts';
import type { SelectedRecord } from '../text/record-parts.ts';
import { recordOfLine } from '../text/record-parts.ts';
import type { PlacedSelection } from './placed-selection.ts';

/** What is read back of a target. */
export interface PlaceRead {
  readonly connection: FirebaseConnection;
  readonly options: FirebaseOptions;
  readonly selection: PlacedSelection;
  readonly signal: AbortSignal;
}

/** What a place of the target holds now, in the records that a backup of it would have. */
export async function* readPlace({
  connection,
  options,
  selection,
  signal,
}: PlaceRead): AsyncGenerator<SelectedRecord> {
  const { place, dataset } = selection;
  if (roleOf(dataset) === 'own') {
    const priority = await readPriority(connection, place, signal);
    if (priority !== undefined) yield recordOfLine(recordLine('.priority', priority));
    return;
  }
  const reader = new DatasetReader({
    connection,
    probe: new EtagProbe(connection),
    habits: new ServerHabits(),
    limits: options.limits,
    path: place,
    parent: undefined,
    probeBytes: options.probeBytes,
    notes: new EtagNotes(new NoteBudget(0)),
    signal,
  });
  for await (const record of reader.records()) yield recordOfLine(record.toString());
}
