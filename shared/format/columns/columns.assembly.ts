// AssemblyScript: what the module gives out. See layout.assembly.ts.
export { countNulls, decodeConstant, decodeDictionary, decodeNumbers, decodeTimes, decodeHex, joinColumns } from './decode.assembly';
export { findFields, encodeColumn } from './encode.assembly';
export { resultAt } from './layout.assembly';
export { joinLines } from '../shapes/join.assembly';
export { countLines, groupLines, splitLines } from '../shapes/split.assembly';
