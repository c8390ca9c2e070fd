import { MEMORY, openMemory } from './memory/place.ts';
import { describeSource } from './source.contract.ts';

describeSource(MEMORY, async () => openMemory());
