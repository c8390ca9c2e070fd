import { FILES, openFolder } from './places/files.ts';
import { describeSource } from './source.contract.ts';

describeSource(FILES, openFolder);
