import { MEMORY, openMemory } from './memory/place.ts';
import { describeScratchServer } from './scratch-server.contract.ts';
import { describeSource } from './source.contract.ts';
import { describeTarget } from './target.contract.ts';

describeSource(MEMORY, async () => openMemory(), 'its own process');
describeTarget(MEMORY, async () => openMemory(), 'its own process');
describeScratchServer(MEMORY, async () => openMemory(), 'its own process');
