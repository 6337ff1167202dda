import { describe, expect, test } from 'vitest';
import { furthest, NO_PROGRESS, type Progress } from '../../domain/progress.js';

const at = (running: number, completed: number, open: Progress['open'] = null): Progress => ({
  running,
  completed,
  open,
});
const open = (id: string, bytes: number) => ({ id, bytes });

const table: readonly [promise: string, best: Progress, seen: Progress, gained: boolean][] = [
  ['more tasks run', at(3, 0), at(4, 0), true],
  ['a task that comes back gains nothing', at(4, 0), at(3, 0), false],
  ['a checkpoint completes', at(4, 1), at(4, 2), true],
  ['a checkpoint grows', at(4, 1, open('2', 10)), at(4, 1, open('2', 20)), true],
  ['a checkpoint that does not grow gains nothing', at(4, 1, open('2', 10)), at(4, 1, open('2', 10)), false],
  ['a checkpoint that is begun again gains nothing', at(4, 1, open('2', 10)), at(4, 1, open('3', 0)), false],
  ['nothing seen gains nothing', at(4, 1), NO_PROGRESS, false],
];

describe('progress of a restored run', () => {
  test.each(table)('%s', (_promise, best, seen, gained) => {
    expect(furthest(best, seen) !== best).toBe(gained);
  });
});
