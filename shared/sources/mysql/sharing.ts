/*
 * What only backups in several processes need: loaded when one is planned or joined, and left out of the bundles of functions
 * that do neither.
 */
export { decodePlace } from './gathering/flags.ts';
export { joinMoment } from './gathering/join.ts';
export { GatheringView } from './gathering/view.ts';
