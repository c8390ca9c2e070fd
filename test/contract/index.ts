/** `holdfast/testing`: the promises of sources, targets, servers for drills and stores, as checks for any test runner. docs/reference/library.md. */
export type { ErrorCode } from '../../shared/core/errors.ts';
export type { ScratchServer } from '../../shared/sources/scratch.ts';
export type { Source } from '../../shared/sources/source.ts';
export type { Target } from '../../shared/sources/target.ts';
export type { ObjectStore } from '../../shared/store/object-store.ts';
export type { NamedCheck } from './contract.ts';
export { type Link, linkBreakages, linkSilence, openLink, type TcpLink } from './link.ts';
export type { Breakage, KindFacts, Place, Refused, Silence } from './place.ts';
export { type ReadDataset, type Reading, type ReadOptions, readSource } from './reading.ts';
export { scratchServerChecks, sourceChecks, storeChecks, targetChecks } from './suites.ts';
export { type Content, recordsOf, singleValue, type World } from './world.ts';
