import { FILES, openFolder } from './places/files.ts';
import { describeScratchServer } from './scratch-server.contract.ts';
import { describeSource } from './source.contract.ts';
import { describeTarget } from './target.contract.ts';

describeSource(FILES, openFolder, 'files');
describeTarget(FILES, openFolder, 'files');
describeScratchServer(FILES, openFolder, 'files');
