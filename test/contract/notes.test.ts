import { NOTES, openNotes } from './places/notes.ts';
import { describeScratchServer } from './scratch-server.contract.ts';
import { describeSource } from './source.contract.ts';
import { describeTarget } from './target.contract.ts';

describeSource(NOTES, openNotes, 'files');
describeTarget(NOTES, openNotes, 'files');
describeScratchServer(NOTES, openNotes, 'files');
