import { FIREBASE, openTree } from './places/firebase-rtdb.ts';
import { describeScratchServer } from './scratch-server.contract.ts';
import { describeSource } from './source.contract.ts';
import { describeTarget } from './target.contract.ts';

describeSource(FIREBASE, openTree);
describeTarget(FIREBASE, openTree);
describeScratchServer(FIREBASE, openTree);
