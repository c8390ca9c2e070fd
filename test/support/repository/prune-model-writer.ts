import {
  type Backup,
  changed,
  isListed,
  type Model,
  NEVER,
  type State,
  type Step,
  type Writer,
} from './prune-model-state.ts';

/** What a writer may do next. */
export function* writerSteps(state: State, i: number, model: Model): Generator<Step> {
  const { now } = state;
  const name = `writer ${i + 1}`;
  const backup = i + 1;
  const step = (what: string, change: (writer: Writer, after: State) => void) =>
    changed(`${name} ${what}`, state, (after) => change(after.writers[i] as Writer, after));
  switch (state.writers[i]?.at) {
    case 'begin':
      for (const [parent, one] of state.backups.entries())
        if (isListed(one) && parent < backup && mayBeParent(state, parent, model))
          yield step(`takes backup ${parent} for its parent`, (writer) =>
            Object.assign(writer, { at: 'first', parent, beganAt: now }),
          );
      return;
    case 'first':
    case 'last': {
      const isFirst = state.writers[i]?.at === 'first';
      const pack = 2 * backup - (isFirst ? 1 : 0);
      yield step(`stores pack ${pack}`, (writer, after) => {
        after.packs[pack] = now;
        writer.at = isFirst ? 'last' : 'check';
      });
      return;
    }
    case 'check': {
      const isSure = mayList(state, i, model);
      yield step(isSure ? 'is sure' : 'gives up', (writer, after) => {
        if (isSure) Object.assign(writer, { at: 'manifest', beganAt: NEVER, checkedAt: now });
        else giveUp(after, i);
        if (model.without !== 'stall before') writer.checkedAt = NEVER;
      });
      return;
    }
    case 'manifest':
      yield step('lists its backup', (writer, after) => {
        (after.backups[backup] as Backup).listedAt = now;
        writer.at = 'look';
      });
      return;
    case 'look': {
      const isStalled = hasStalled(state, i, model);
      yield step(isStalled ? 'takes its backup back' : 'is done', (writer, after) => {
        if (isStalled) giveUp(after, i);
        else Object.assign(writer, { at: 'done', checkedAt: NEVER });
      });
      return;
    }
    default:
  }
}

/** Of a backup that never will be listed nobody asks for packs: without them fewer states differ. */
function giveUp(state: State, i: number): void {
  Object.assign(state.writers[i] as Writer, { at: 'ended', beganAt: NEVER, checkedAt: NEVER });
  (state.backups[i + 1] as Backup).listedAt = NEVER;
  const isNamed = state.writers.some(({ parent }) => parent === i + 1);
  if (!isNamed && (state.backups[i + 1] as Backup).copies.length === 0)
    state.packs.fill(NEVER, 2 * i + 1, 2 * i + 3);
}

/** A backup that was listed long after its last pack may lack some: its packs are named by nothing new. */
function mayBeParent({ packs, backups }: State, parent: number, { quarter, without }: Model): boolean {
  if (parent === 0 || without === 'parent') return true;
  const last = packs[2 * parent] ?? NEVER;
  return last > NEVER && (backups[parent] as Backup).listedAt - last <= quarter;
}

/** "A writer, just before it puts its manifest, makes sure that". */
function mayList(state: State, i: number, { half, eighth, without }: Model): boolean {
  const { now, packs, backups } = state;
  const { parent, beganAt } = state.writers[i] as Writer;
  const [first = NEVER, last = NEVER] = [packs[2 * i + 1], packs[2 * i + 2]];
  if (now - beganAt <= eighth) return true;
  if (without !== 'span' && last - first > half) return false;
  if (first <= NEVER || last <= NEVER) return false;
  const other = backups[parent] as Backup;
  if (without === 'others' || isListed(other)) return true;
  return other.copies.some((at) => last - at <= half);
}

/** "When the manifest is stored and read back, the writer looks at its watch again." */
function hasStalled(state: State, i: number, { quarter, eighth, without }: Model): boolean {
  const { now, packs, backups } = state;
  const last = packs[2 * i + 2] ?? NEVER;
  const since = without === 'stall before' ? (state.writers[i] as Writer).checkedAt : last;
  if (without === 'last look' || now - since <= eighth) return false;
  return last <= NEVER || (backups[i + 1] as Backup).listedAt - last > quarter;
}
