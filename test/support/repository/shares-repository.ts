import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { initRepository, openCheaply } from './engine.ts';
import { seededRows } from './rows.ts';
import type { PartData } from './shares.ts';

const PARTS = 8;
export const rows = Array.from({ length: PARTS }, (_, i) => seededRows(400, i + 1));
export const first: PartData = {
  'pre-data': ['create table t ();\n'],
  t: rows.map((part) => part.join('')),
  u: ['one\ntwo\n'],
  empty: [''],
};
/** Of every fortieth row something changed; a partition is new. */
export const second: PartData = {
  ...first,
  t: [
    ...rows.map((part) => part.map((row, i) => (i % 40 === 0 ? row.replace('\t', '\tnew ') : row)).join('')),
    seededRows(100, 50).join(''),
  ],
};

export async function newRepository(store: ObjectStore = new MemoryStore()) {
  await initRepository(store);
  return openCheaply(store);
}
