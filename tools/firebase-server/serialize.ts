import { KEY_INDEX, type Node } from './engine.ts';

const PIECE_CHARACTERS = 64 * 1024;
const INTEGER_KEY = /^(0|[1-9]\d*)$/;

export interface SerializeOptions {
  /** `export` keeps priorities and never makes arrays. */
  readonly format: 'plain' | 'export';
  readonly maxBytes: number;
}

/** JSON of a node in pieces of about 64 KiB, or undefined where it is larger than allowed. */
export function serialize(node: Node, options: SerializeOptions): Buffer[] | undefined {
  const sink = new Sink(options.maxBytes);
  try {
    if (options.format === 'export') writeExport(sink, node);
    else writePlain(sink, node);
    return sink.finish();
  } catch (error) {
    if (error instanceof TooLarge) return undefined;
    throw error;
  }
}

class TooLarge extends Error {}

class Sink {
  readonly #pieces: Buffer[] = [];
  readonly #maxBytes: number;
  #text = '';
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  write(text: string): void {
    this.#text += text;
    if (this.#text.length >= PIECE_CHARACTERS) this.#flush();
  }

  finish(): Buffer[] {
    this.#flush();
    return this.#pieces;
  }

  #flush(): void {
    const piece = Buffer.from(this.#text);
    this.#bytes += piece.length;
    if (this.#bytes > this.#maxBytes) throw new TooLarge();
    this.#pieces.push(piece);
    this.#text = '';
  }
}

function writeExport(sink: Sink, node: Node): void {
  if (node.isLeafNode() || node.isEmpty()) {
    sink.write(JSON.stringify(node.val(true)));
    return;
  }
  let separator = '{';
  node.forEachChild(KEY_INDEX, (key, child) => {
    sink.write(`${separator}${JSON.stringify(key)}:`);
    separator = ',';
    writeExport(sink, child);
    return undefined;
  });
  const priority = node.getPriority();
  sink.write(priority.isEmpty() ? '}' : `,".priority":${JSON.stringify(priority.val())}}`);
}

function writePlain(sink: Sink, node: Node): void {
  if (node.isLeafNode() || node.isEmpty()) {
    sink.write(JSON.stringify(node.val()));
    return;
  }
  const length = arrayLength(node);
  if (length !== undefined) {
    writeArray(sink, node);
    return;
  }
  let separator = '{';
  node.forEachChild(KEY_INDEX, (key, child) => {
    sink.write(`${separator}${JSON.stringify(key)}:`);
    separator = ',';
    writePlain(sink, child);
    return undefined;
  });
  sink.write('}');
}

function writeArray(sink: Sink, node: Node): void {
  let next = 0;
  sink.write('[');
  node.forEachChild(KEY_INDEX, (key, child) => {
    for (; next < Number(key); next++) sink.write(next === 0 ? 'null' : ',null');
    if (next++ > 0) sink.write(',');
    writePlain(sink, child);
    return undefined;
  });
  sink.write(']');
}

/** Google's rule: an array where all keys are integers and at least half of the places are taken. */
function arrayLength(node: Node): number | undefined {
  let largest = 0;
  const otherKey = node.forEachChild(KEY_INDEX, (key) => {
    if (!INTEGER_KEY.test(key)) return true;
    largest = Math.max(largest, Number(key));
    return undefined;
  });
  return !otherKey && largest < 2 * node.numChildren() ? largest + 1 : undefined;
}
