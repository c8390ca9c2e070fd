import { FIREBASE, openTree } from './places/firebase-rtdb.ts';
import { describeScratchServer } from './scratch-server.contract.ts';
import { describeSource } from './source.contract.ts';
import { describeTarget } from './target.contract.ts';

describeSource(FIREBASE, openTree, 'a server');
describeTarget(FIREBASE, openTree, 'a server');
describeScratchServer(FIREBASE, openTree, 'a server');
