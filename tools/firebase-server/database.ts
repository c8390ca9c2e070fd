import { EMPTY, type Node, toNode, toPath } from './engine.ts';

/** Rules of a new database. */
const OPEN_RULES = '{\n  "rules": {\n    ".read": true,\n    ".write": true\n  }\n}';

/** One database: an immutable tree of Google's nodes, and its rules. */
export class RealtimeDatabase {
  #root: Node = EMPTY;
  /** Source text, kept as it was put. */
  rules = OPEN_RULES;

  read(keys: readonly string[]): Node {
    return this.#root.getChild(toPath(keys));
  }

  /** Writes several places at once: all or none. */
  write(changes: readonly Change[]): void {
    this.#root = changes.reduce(
      (root, { keys, value }) => root.updateChild(toPath(keys), toNode(value)),
      this.#root,
    );
  }
}

/** A place and what it is to hold. */
export interface Change {
  readonly keys: readonly string[];
  /** Plain JSON or export format; null removes. */
  readonly value: unknown;
}
