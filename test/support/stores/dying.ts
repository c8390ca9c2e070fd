import { expect } from 'vitest';
import type { Repository } from '../../../shared/repository/repository.ts';
import type { MemoryStore } from '../../../shared/store/memory-store.ts';
import { openCheaply } from '../repository/engine.ts';
import { FaultyStore } from './faulty-store.ts';

/** Runs a job on a store that dies at its `call`-th call; whether the job was done before that. */
export async function survives(
  store: MemoryStore,
  { call, moment }: { readonly call: number; readonly moment: 'before' | 'after' },
  job: (repository: Repository) => Promise<unknown>,
): Promise<boolean> {
  const faulty = new FaultyStore(store).dieAt(call, moment);
  try {
    await using repository = await openCheaply(faulty);
    await job(repository);
  } catch (error) {
    expect(error, `call ${call}`).toMatchObject({ code: 'E_STORE_DENIED' });
    return false;
  }
  // A job that goes on without its store has told a lie.
  expect(faulty.calls, 'a dead store was not noticed').toBeLessThan(call);
  return true;
}
