/**
 * The fence's independent witness (design, 4.3). No JobManager knows the run and its HA data is gone: that is said by the
 * same Flink whose TaskManagers write on until they notice. What a run that works leaves behind says it without Flink:
 * while its checkpoint directory and the group's committed offsets stand still from one look to a later one, nobody
 * works. The earlier look is carried by the case. Pure; its table is its test.
 */
import { fault, type Fault } from './failure.js';
import type { RunId } from './ids.js';
import type { JobLedger } from './ledger.js';
import type { Reading } from './reading.js';
import { type Assessment, isTerminal, type RunView, type Traces } from './situation.js';

/** How long what the run leaves behind has stood still. */
export interface Stillness {
  /** Epoch milliseconds of the first look that showed the same. */
  readonly since: number;
  /** `group` is null when this case has moved the group's offsets itself since. */
  readonly seen: Omit<Traces, 'group'> & { readonly group: Reading<string> | null };
}

export type Proof =
  | { readonly is: 'dead' }
  /** Too early to tell: until then (epoch milliseconds). */
  | { readonly is: 'not yet'; readonly until: number; readonly because: Fault }
  /** Something moves, or cannot be looked at. */
  | { readonly is: 'not dead'; readonly because: Fault };

/**
 * The newest run of the ledger, when nobody who could know has shown its end: no JobManager, no archive, no job result.
 * Null: its end is known, or there is none.
 */
export function unaccounted(a: Assessment): RunId | null {
  const shown: readonly RunView[] = a.runs.is === 'present' ? a.runs.value : [];
  const last = a.ledger.is === 'present' ? a.ledger.value.runs[0] : undefined;
  if (last === undefined || isTerminal(last.state) || shown.some((r) => r.run === last.run)) return null;
  if (a.archived?.is === 'present' && a.archived.value.run === last.run) return null;
  return last.run;
}

/**
 * When the run may last have been alive (epoch milliseconds). While nobody looked, its JobManager may have lived on: what
 * was last seen before such a time is not the last.
 */
export function lastAlive(ledger: JobLedger, run: RunId): number {
  const seen = ledger.runs.find((r) => r.run === run)?.seen ?? 0;
  return Math.max(seen, ...ledger.gaps.map(({ to }) => to));
}

/** After one more look: what is the same goes on, anything else begins now. A look that saw too little changes nothing. */
export function stillSince(before: Stillness | null, a: Assessment): Stillness | null {
  if (unaccounted(a) === null) return null;
  const { traces } = a;
  if (traces === undefined || unseenIn(traces) !== null) return before;
  return { seen: traces, since: before !== null && moved(before, traces) === null ? before.since : a.at };
}

/** The case has moved the group's offsets: they witness nothing until they are seen again. */
export const exceptGroup = (still: Stillness | null): Stillness | null =>
  still === null ? null : { ...still, seen: { ...still.seen, group: null } };

/**
 * Whether the old run is dead. Null: its end is known, and nothing more is needed.
 * @param before what has stood still until the look before this one.
 */
export function provedDead(before: Stillness | null, a: Assessment): Proof | null {
  const run = unaccounted(a);
  if (run === null) return null;
  const { traces } = a;
  const not = (because: Fault): Proof => ({ is: 'not dead', because });
  if (traces === undefined || traces.run !== run)
    return not(notProved(run, 'expected a look at what it writes, found none'));
  const unseen = unseenIn(traces);
  if (unseen !== null) return not(unseen);
  const mark = before?.seen.run === run ? before : null;
  const change = mark === null ? null : moved(mark, traces);
  if (change !== null)
    return not(
      notProved(
        run,
        `expected ${change.of} to stand still, found ${change.now} after ${change.then}: its tasks write on, or somebody else does`,
        change.where,
      ),
    );
  const until = Math.max(traces.quietAt, (mark?.since ?? a.at) + traces.apart);
  if (until > a.at)
    return {
      is: 'not yet',
      until,
      because: notProved(
        run,
        `its tasks may write on until ${new Date(traces.quietAt).toISOString()}, and what they write has to stand still for ${Math.round(traces.apart / 1000)} s`,
        traces.where,
      ),
    };
  return { is: 'dead' };
}

const notProved = (run: RunId, found: string, where: string = run): Fault =>
  fault(
    'NotProvedDead',
    `no JobManager knows run ${run}; ${found}. Nothing is submitted; it is looked at again`,
    where,
  );

function unseenIn({ directory, group }: Traces): Fault | null {
  if (directory.is === 'unknown') return directory.because;
  return group.is === 'unknown' ? group.because : null;
}

/** What is not as it was; null: nothing. */
function moved(before: Stillness, now: Traces): Record<'of' | 'then' | 'now' | 'where', string> | null {
  const { seen } = before;
  if (seen.run !== now.run) return { of: 'the run', then: seen.run, now: now.run, where: now.where };
  const differs = (was: Reading<string>, is: Reading<string>) => textOf(was) !== textOf(is);
  if (differs(seen.directory, now.directory)) {
    const of = 'its checkpoint directory';
    return { of, then: textOf(seen.directory), now: textOf(now.directory), where: now.where };
  }
  // One that was no witness in one of the looks has nothing to compare.
  if (seen.group?.is !== 'present' || now.group.is !== 'present' || !differs(seen.group, now.group))
    return null;
  const of = `the committed offsets of group ${now.groupId}`;
  return { of, then: seen.group.value, now: now.group.value, where: now.groupId ?? now.where };
}

const textOf = (reading: Reading<string>): string => (reading.is === 'present' ? reading.value : 'nothing');
