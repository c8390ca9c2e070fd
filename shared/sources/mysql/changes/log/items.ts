import { ARTIFICIAL, type LogEvent, type LogFormat, parseFormat, TYPE } from './event.ts';
import {
  type Gtid,
  isOtherRows,
  otherRows,
  parseGtid,
  parseQuery,
  parseRotate,
  parseTableMap,
  type Query,
  type RowsForm,
  rowsForm,
  rowsHead,
  type TableMap,
} from './payloads.ts';
import { readStatement, type Statement } from './statement.ts';

/** What an event is of a log that is read from its first event on. */
export type LogItem = { readonly event: LogEvent } & (
  | { readonly kind: 'format'; readonly format: LogFormat }
  /** The log goes on there. Artificial: it says where the events come from. */
  | {
      readonly kind: 'rotate';
      readonly file: string;
      readonly offset: number;
      readonly isArtificial: boolean;
    }
  | { readonly kind: 'begin'; readonly gtid: Gtid | undefined }
  | {
      readonly kind: 'query';
      readonly query: Query;
      readonly statement: Statement;
      /** It is the whole transaction, or its end. */
      readonly isEnd: boolean;
    }
  /** Belongs to the statement behind it: a variable or a seed. */
  | { readonly kind: 'setting' }
  | { readonly kind: 'table'; readonly map: TableMap }
  | {
      readonly kind: 'rows';
      readonly form: RowsForm;
      readonly table: string;
      /** The last of its statement. */
      readonly isEnd: boolean;
      readonly flagsAt: number;
    }
  | { readonly kind: 'end'; readonly how: 'commit' | 'prepare' }
  | { readonly kind: 'other' }
);

const SETTINGS: ReadonlySet<number> = new Set([TYPE.intvar, TYPE.rand, TYPE.userVar]);

/**
 * Reads events in their order: knows which log they are of, and which of them begin and end a transaction. A transaction that
 * another one follows before its end was never completed, as the server had crashed.
 */
export class LogItems {
  /** Of the events that come. @throws Error before the first description */
  #format: LogFormat | undefined;
  #isInside = false;
  #isStandalone: boolean | undefined = false;

  get format(): LogFormat | undefined {
    return this.#format;
  }

  /** Whether a transaction has begun and not ended. */
  get isInside(): boolean {
    return this.#isInside;
  }

  /** @throws E_DAMAGED, E_SOURCE_UNSUPPORTED */
  read(event: LogEvent): LogItem {
    const { type } = event;
    if (type === TYPE.format) {
      const format = parseFormat(event.bytes);
      this.#format = format;
      this.#isInside = false;
      return { kind: 'format', event, format };
    }
    if (type === TYPE.rotate) {
      const isArtificial = (event.flags & ARTIFICIAL) !== 0 || event.timestamp === 0;
      return { kind: 'rotate', event, ...parseRotate(event), isArtificial };
    }
    const gtid = parseGtid(event);
    if (gtid) {
      this.#begin(gtid.isStandalone);
      return { kind: 'begin', event, gtid };
    }
    if (type === TYPE.xid) return this.#end(event, 'commit');
    if (type === TYPE.xaPrepare) return this.#end(event, (event.body[0] ?? 0) === 0 ? 'prepare' : 'commit');
    if (SETTINGS.has(type)) return { kind: 'setting', event };
    return this.#readChange(event, this.#format);
  }

  #readChange(event: LogEvent, format: LogFormat | undefined): LogItem {
    const { type } = event;
    if (!format) return { kind: 'other', event };
    if (type === TYPE.query || type === TYPE.compressedQuery) return this.#readQuery(event, format);
    if (type === TYPE.tableMap) return { kind: 'table', event, map: parseTableMap(event, format) };
    const form = rowsForm(type);
    if (form) return { kind: 'rows', event, form, ...rowsHead(event, format) };
    if (isOtherRows(type) || type === TYPE.payload) throw otherRows(type);
    return { kind: 'other', event };
  }

  #readQuery(event: LogEvent, format: LogFormat): LogItem {
    const query = parseQuery(event, format);
    const statement = readStatement(query.sql.toString('utf8'));
    const { kind } = statement;
    if (kind === 'begin' || kind === 'xa start') {
      // Logs without GTIDs.
      const isStart = !this.#isInside;
      this.#begin(false);
      if (isStart) return { kind: 'begin', event, gtid: undefined };
      return { kind: 'query', event, query, statement, isEnd: false };
    }
    const isEnd = !this.#isInside || this.#isStandalone !== false || ENDS.has(kind);
    if (isEnd) this.#isInside = false;
    return { kind: 'query', event, query, statement, isEnd };
  }

  #begin(isStandalone: boolean | undefined): void {
    this.#isInside = true;
    this.#isStandalone = isStandalone;
  }

  #end(event: LogEvent, how: 'commit' | 'prepare'): LogItem {
    this.#isInside = false;
    return { kind: 'end', event, how };
  }
}

const ENDS: ReadonlySet<string> = new Set(['commit', 'rollback', 'xa commit', 'xa rollback']);
