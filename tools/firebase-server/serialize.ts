import { EMPTY, KEY_INDEX, type Node } from './engine.ts';
import { jsonOf } from './exact-integers.ts';

const PIECE_CHARACTERS = 64 * 1024;
const INTEGER_KEY = /^(0|[1-9]\d*)$/;

/** What the JSON of a node has. */
export interface SerializeOptions {
  /**
   * `export` keeps priorities, and makes no arrays; `export-arrays` makes them if no priority would be lost.
   */
  readonly format: 'plain' | 'export' | 'export-arrays';
  readonly maxBytes: number;
}

/** JSON of a node in pieces of about 64 KiB, or undefined if it is larger than allowed. */
export function serialize(node: Node, options: SerializeOptions): Buffer[] | undefined {
  const sink = new Sink(options.maxBytes);
  try {
    writeNode(sink, node, options.format);
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

function writeNode(sink: Sink, node: Node, format: SerializeOptions['format']): void {
  const isExport = format !== 'plain';
  if (node.isLeafNode() || node.isEmpty()) {
    sink.write(jsonOf(node.val(isExport)));
    return;
  }
  const priority = isExport ? node.getPriority() : EMPTY;
  if (format !== 'export' && priority.isEmpty() && isArray(node)) {
    writeArray(sink, node, format);
    return;
  }
  let separator = '{';
  node.forEachChild(KEY_INDEX, (key, child) => {
    sink.write(`${separator}${JSON.stringify(key)}:`);
    separator = ',';
    writeNode(sink, child, format);
    return undefined;
  });
  sink.write(priority.isEmpty() ? '}' : `,".priority":${jsonOf(priority.val())}}`);
}

function writeArray(sink: Sink, node: Node, format: SerializeOptions['format']): void {
  let next = 0;
  sink.write('[');
  node.forEachChild(KEY_INDEX, (key, child) => {
    for (; next < Number(key); next++) sink.write(next === 0 ? 'null' : ',null');
    if (next++ > 0) sink.write(',');
    writeNode(sink, child, format);
    return undefined;
  });
  sink.write(']');
}

/** Google's rule: an array if all keys are integers and at least half of the places are taken. */
function isArray(node: Node): boolean {
  let largest = 0;
  const otherKey = node.forEachChild(KEY_INDEX, (key) => {
    if (!INTEGER_KEY.test(key)) return true;
    largest = Math.max(largest, Number(key));
    return undefined;
  });
  return !otherKey && largest < 2 * node.numChildren();
}
