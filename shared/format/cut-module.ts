import * as w from './wasm.ts';

/**
 * The bytes before a test point that decide whether it proposes, and the largest distance between two test
 * points.
 */
export const WINDOW_BYTES = 32;

/** Offsets in the module's memory: the words of NH, SipHash's initial state; after a window, the text. */
export const LAYOUT = { nh: 0, sip: 32, text: 128 } as const;

// Parameters: where the previous test point is, where the text ends, and what one byte adds to the threshold.
const [AT, END, STEP] = [0, 1, 2];
/** Two test points are tested together, one per lane: FIRST after AT, and SECOND after that. */
const [FIRST, SECOND, NEXT, NEWLINES] = [3, 4, 5, 6];
const [KEY_LOW, KEY_HIGH, SUM, HASHES] = [7, 8, 9, 10];
const [V0, V1, V2, V3] = [11, 12, 13, 14];
const VECTOR_BYTES = 16;

/** NEXT becomes the end of the record, or WINDOW_BYTES after `from`, whichever comes first. */
const findTestPoint = (from: number): w.Code => [
  ...[...w.get(from), ...w.set(NEXT)],
  ...[...w.block, ...w.loop, ...w.get(NEXT), ...w.load128(0), ...w.const32(0x0a), ...w.splat8],
  ...[...w.equal8x16, ...w.bits8x16, ...w.tee(NEWLINES), ...w.isZero32, ...w.when],
  ...[...w.get(NEXT), ...w.const32(VECTOR_BYTES), ...w.add32, ...w.tee(NEXT)],
  ...[...w.get(from), ...w.sub32, ...w.const32(WINDOW_BYTES), ...w.less32, ...w.branchIf(1)],
  ...w.otherwise,
  ...[...w.get(NEXT), ...w.get(NEWLINES), ...w.trailingZeros32, ...w.add32, ...w.const32(1), ...w.add32],
  ...[...w.set(NEXT), ...w.end, ...w.end, ...w.end],
];

const keyedWords = (offset: number, key: number): w.Code => [
  ...[
    ...w.get(NEXT),
    ...w.const32(WINDOW_BYTES),
    ...w.sub32,
    ...w.load128(offset),
    ...w.get(key),
    ...w.add32x4,
  ],
];
const keyedWindow: w.Code = [...keyedWords(0, KEY_LOW), ...keyedWords(VECTOR_BYTES, KEY_HIGH)];

/** NH of the window before NEXT (Black et al., "UMAC", CRYPTO 1999): each of the first four words times the fourth after. */
const hashWindow: w.Code = [
  ...[...keyedWindow, ...w.mulLow32x4, ...keyedWindow, ...w.mulHigh32x4, ...w.add64x2],
  ...[...w.tee(SUM), ...w.lane64(0), ...w.get(SUM), ...w.lane64(1), ...w.add64],
];

const turnBytes = (v: number, bytes: number): w.Code => [
  ...[...w.get(v), ...w.get(v)],
  ...w.shuffle(Array.from({ length: VECTOR_BYTES }, (_, i) => (i & 8) | ((i - bytes) & 7))),
];
const turnBits = (v: number, bits: number): w.Code => [
  ...[...w.get(v), ...w.const32(bits), ...w.shiftLeft64x2],
  ...[...w.get(v), ...w.const32(64 - bits), ...w.shiftRight64x2, ...w.or128],
];
const turn = (v: number, bits: number): w.Code =>
  bits % 8 === 0 ? turnBytes(v, bits / 8) : turnBits(v, bits);
const plus = (to: number, from: number): w.Code => [...w.get(to), ...w.get(from), ...w.add64x2, ...w.set(to)];
const mix = (to: number, bits: number, from: number): w.Code => [
  ...[...turn(to, bits), ...w.get(from), ...w.xor128, ...w.set(to)],
];

const sipRound: w.Code = [
  ...[...plus(V0, V1), ...mix(V1, 13, V0), ...turn(V0, 32), ...w.set(V0)],
  ...[...plus(V2, V3), ...mix(V3, 16, V2)],
  ...[...plus(V0, V3), ...mix(V3, 21, V0)],
  ...[...plus(V2, V1), ...mix(V1, 17, V2), ...turn(V2, 32), ...w.set(V2)],
];
const sipRounds = (count: number): w.Code => Array.from({ length: count }, () => sipRound).flat();
const into = (v: number, value: w.Code): w.Code => [...w.get(v), ...value, ...w.xor128, ...w.set(v)];
const sipWord = (word: w.Code): w.Code => [...into(V3, word), ...sipRounds(2), ...into(V0, word)];
const sipBegin = (v: number): w.Code => [
  ...[...w.const32(0), ...w.loadTwice64(LAYOUT.sip + 8 * (v - V0)), ...w.set(v)],
];
/** The last word of a text of eight bytes. */
const LENGTH = [...w.const64(8n << 56n), ...w.twice64];

/** SipHash-2-4 (Aumasson and Bernstein, INDOCRYPT 2012) of the eight bytes in each lane of HASHES, into SUM. */
const sipHash: w.Code = [
  ...[...[V0, V1, V2, V3].flatMap(sipBegin), ...sipWord(w.get(HASHES)), ...sipWord(LENGTH)],
  ...[...into(V2, [...w.const64(0xffn), ...w.twice64]), ...sipRounds(4)],
  ...[
    ...w.get(V0),
    ...w.get(V1),
    ...w.xor128,
    ...w.get(V2),
    ...w.xor128,
    ...w.get(V3),
    ...w.xor128,
    ...w.set(SUM),
  ],
];

/** Ends `run` with the test point `to` if it proposes. */
const decide = (lane: number, from: number, to: number): w.Code => [
  ...[...w.get(SUM), ...w.lane64(lane), ...w.low32, ...w.widen],
  ...[...w.get(to), ...w.get(from), ...w.sub32, ...w.widen, ...w.get(STEP), ...w.mul64, ...w.less64],
  ...[...w.when, ...w.get(to), ...w.give, ...w.end],
];

/**
 * `run` returns the first test point that proposes; if there is none, the last test point, as a negative
 * number. If the text ends after FIRST, SECOND is the same point with a threshold of 0: it never proposes.
 */
export const CUT_MODULE: Uint8Array<ArrayBuffer> = w.moduleOf({
  parameters: [w.I32, w.I32, w.I64],
  locals: [
    [4, w.I32],
    [8, w.V128],
  ],
  body: [
    ...[...w.const32(0), ...w.load128(LAYOUT.nh), ...w.set(KEY_LOW)],
    ...[...w.const32(0), ...w.load128(LAYOUT.nh + VECTOR_BYTES), ...w.set(KEY_HIGH)],
    ...[...w.block, ...w.loop],
    ...[...findTestPoint(AT), ...w.get(NEXT), ...w.get(END), ...w.greater32, ...w.branchIf(1)],
    ...[...hashWindow, ...w.twice64, ...w.set(HASHES), ...w.get(NEXT), ...w.tee(FIRST), ...w.set(SECOND)],
    ...[...findTestPoint(FIRST), ...w.get(NEXT), ...w.get(END), ...w.greater32, ...w.isZero32, ...w.when],
    ...[
      ...w.get(HASHES),
      ...hashWindow,
      ...w.setLane64(1),
      ...w.set(HASHES),
      ...w.get(NEXT),
      ...w.set(SECOND),
    ],
    ...[...w.end, ...sipHash, ...decide(0, AT, FIRST), ...decide(1, FIRST, SECOND)],
    ...[...w.get(SECOND), ...w.set(AT), ...w.branch(0), ...w.end, ...w.end],
    ...[...w.const32(0), ...w.get(AT), ...w.sub32],
  ],
});
